public import Configuration
internal import JSON
internal import RevokeEvents

/// One log line as a value.
public struct LogLine: Sendable {
    /// A key and its value.
    public struct Field: Hashable, Sendable {
        /// The key.
        public var key: LogKey
        /// The value.
        public var value: LogValue

        /// Makes a field.
        public init(key: LogKey, value: LogValue) {
            self.key = key
            self.value = value
        }
    }

    /// When the line was logged, in wall milliseconds.
    public var time: Int64
    /// How severe it is.
    public var level: LogLevel
    /// What happened: a constant, so that lines can be searched and counted.
    public var message: StaticString
    /// The data.
    public var fields: [Field]

    /// Makes a line.
    public init(time: Int64, level: LogLevel, message: StaticString, fields: [Field] = []) {
        self.time = time
        self.level = level
        self.message = message
        self.fields = fields
    }

    /// The first value of a key.
    public subscript(key: LogKey) -> LogValue? { fields.first { $0.key == key }?.value }

    /// Appends the line as one JSON object with the members `time` (RFC 3339), `level`, `message` and the fields.
    func appendJSON(to bytes: inout [UInt8]) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("time", RFC3339.text(time))
        writer.member("level", level.rawValue)
        writer.member("message", message.description)
        for field in fields {
            switch field.value {
            case .text(let text): writer.member(field.key.rawValue, text)
            case .integer(let number): writer.member(field.key.rawValue, number)
            case .boolean(let flag): writer.member(field.key.rawValue, flag)
            }
        }
        writer.endObject()
        bytes.append(contentsOf: writer.bytes)
        bytes.append(UInt8(ascii: "\n"))
    }

    /// Appends the line as text for people: time, level, message, `key=value`.
    func appendText(to bytes: inout [UInt8]) {
        var text = RFC3339.text(time) + " "
        switch level {
        case .debug: text += "DEBUG "
        case .info: text += "INFO  "
        case .warning: text += "WARN  "
        case .error: text += "ERROR "
        }
        text += message.description
        for field in fields {
            text += " " + field.key.rawValue + "="
            switch field.value {
            case .text(let value): Self.appendQuoted(value, to: &text)
            case .integer(let number): text += String(number)
            case .boolean(let flag): text += flag ? "true" : "false"
            }
        }
        text += "\n"
        bytes.append(contentsOf: text.utf8)
    }

    /// Texts come from outside too: nothing in them may steer a terminal or look like another line, so control, format
    /// and line-separating characters are escaped, and a text that is not one plain word is quoted.
    private static func appendQuoted(_ value: String, to text: inout String) {
        let isWord =
            !value.isEmpty
            && value.utf8.allSatisfy { byte in
                byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "=")
                    && byte != UInt8(ascii: "\\")
            }
        if isWord { return text += value }
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            default:
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator:
                    text += "\\u{" + String(scalar.value, radix: 16) + "}"
                default: text.unicodeScalars.append(scalar)
                }
            }
        }
        text += "\""
    }
}
