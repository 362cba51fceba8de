/// The media types that the decoder tells apart. They are compared without case and parameters (RFC 9110
/// section 8.3.1).
enum MediaType {
    /// `…/json` or `…+json`
    case json
    /// `application/cloudevents` or `application/cloudevents+json`
    case cloudEvent
    /// `application/cloudevents-batch…`
    case cloudEventBatch
    /// Another that begins with `application/cloudevents`.
    case otherCloudEvent
    case other

    private static let plainJSON = Array("application/json".utf8)
    private static let plainCloudEvent = Array("application/cloudevents+json".utf8)

    init(_ bytes: [UInt8]) {
        // The usual spellings first, without allocation.
        if bytes == Self.plainJSON {
            self = .json
            return
        }
        if bytes == Self.plainCloudEvent {
            self = .cloudEvent
            return
        }
        let value = bytes.prefix { $0 != UInt8(ascii: ";") }.map { byte in
            (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
        }
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        let trimmed = value.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
        let type = String(decoding: Array(trimmed), as: UTF8.self)
        if type.hasPrefix("application/cloudevents") {
            if type.hasPrefix("application/cloudevents-batch") {
                self = .cloudEventBatch
            } else if type == "application/cloudevents" || type == "application/cloudevents+json" {
                self = .cloudEvent
            } else {
                self = .otherCloudEvent
            }
        } else {
            let parts = type.split(separator: "/", omittingEmptySubsequences: false)
            let isJSON = parts.count == 2 && !parts[0].isEmpty && (parts[1] == "json" || parts[1].hasSuffix("+json"))
            self = isJSON ? .json : .other
        }
    }
}
