import CRdKafka

/// What librdkafka reports as an error, of a call, of one partition, or of the whole client.
public struct KafkaError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The code; of a fatal error the cause, not `_FATAL`.
    public let code: KafkaErrorCode
    /// librdkafka's text. For people: no decision hangs on it.
    public let text: String

    /// Makes an error; without a text it is librdkafka's for the code.
    public init(_ code: KafkaErrorCode, text: String? = nil) {
        self.code = code
        self.text = text ?? code.text
    }

    /// The code's name and the text.
    public var description: String { "\(code.name): \(text)" }

    /// The error of a result code; nil for `NO_ERROR`.
    static func of(_ code: rd_kafka_resp_err_t) -> KafkaError? {
        code == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaError(KafkaErrorCode(code))
    }

    /// Throws when the code is not `NO_ERROR`.
    static func check(_ code: rd_kafka_resp_err_t) throws(KafkaError) {
        if let error = of(code) {
            throw error
        }
    }
}
