import Foundation
import RevokeEvents
import RevokeModel
import Testing

/// A file of `schemas/examples`: a whole record, and what decoding it gives.
struct Example: CustomTestStringConvertible, Sendable {
    struct Malformed: Error { let what: String }

    let name: String
    let options: EventDecoder.Options
    let now: Int64
    let record: RecordParts
    let expected: DecodingResult
    /// The event's data as JSON text, where the schema can judge it. Bytes, since the leak check does not see through the
    /// tagged pointers of a `Data` that a global keeps.
    let data: [UInt8]?

    var testDescription: String { name }

    static let schemas = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("schemas")

    /// All examples of a kind, `valid` or `invalid`, in the order of their names.
    static func all(_ kind: String) throws -> [Example] {
        let folder = schemas.appendingPathComponent("examples/\(kind)")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        return try names.filter { $0.hasSuffix(".json") }.map { name in
            try Example(name: "\(kind)/\(name)", Data(contentsOf: folder.appendingPathComponent(name)))
        }
    }

    init(name: String, _ json: Data) throws {
        self.name = name
        let object = try Self.object(JSONSerialization.jsonObject(with: json))
        let allowed: Set = ["description", "options", "now", "record", "dataIn", "event", "failure"]
        for key in object.keys where !allowed.contains(key) { throw Malformed(what: "\(name): unknown key \(key)") }
        var options = EventDecoder.Options()
        for (key, value) in (object["options"] as? [String: Any]) ?? [:] {
            switch (key, value) {
            case ("acceptBareEvents", let value as Bool): options.acceptBareEvents = value
            case ("acceptRegistryPrefix", let value as Bool): options.acceptRegistryPrefix = value
            case ("maximumRecordSize", let value as Int): options.maximumRecordSize = value
            default: throw Malformed(what: "\(name): option \(key)")
            }
        }
        self.options = options
        now = try Self.time(object["now"])
        let record = try Self.object(object["record"])
        guard let topic = record["topic"] as? String, let partition = record["partition"] as? Int32,
            let offset = record["offset"] as? Int64, let headers = record["headers"] as? [[String: Any]]
        else { throw Malformed(what: "\(name): record") }
        self.record = RecordParts(
            topic: topic, partition: partition, offset: offset, timestamp: record["timestamp"] as? Int64,
            key: try Self.bytes(record["key"]), value: try Self.bytes(record["value"]),
            headers: try headers.map { header in
                guard let headerName = header["name"] as? String else { throw Malformed(what: "\(name): header") }
                return RecordHeader(name: headerName, value: try Self.bytes(header["value"]))
            })
        if let failure = object["failure"] as? String {
            guard let failure = DecodingFailure(rawValue: failure) else {
                throw Malformed(what: "\(name): failure \(failure)")
            }
            expected = .failure(failure)
        } else {
            expected = .event(try Self.event(Self.object(object["event"])))
        }
        switch object["dataIn"] as? String {
        case nil: data = nil
        case "value": data = self.record.content.value ?? []
        case "member":
            let envelope = try JSONSerialization.jsonObject(with: Data(self.record.content.value ?? []))
            let member = try Self.object(envelope)["data"] ?? NSNull()
            data = Array(try JSONSerialization.data(withJSONObject: member, options: .fragmentsAllowed))
        default: throw Malformed(what: "\(name): dataIn")
        }
    }

    private static func object(_ any: Any?) throws -> [String: Any] {
        guard let object = any as? [String: Any] else { throw Malformed(what: "not an object") }
        return object
    }

    private static func time(_ any: Any?) throws -> Int64 {
        guard let text = any as? String, let time = RFC3339.milliseconds(Array(text.utf8)) else {
            throw Malformed(what: "not a time")
        }
        return time
    }

    private static func bytes(_ any: Any?) throws -> [UInt8]? {
        if any is NSNull { return nil }
        let object = try object(any)
        if object.count == 1, let text = object["text"] as? String { return Array(text.utf8) }
        if object.count == 1, let text = object["base64"] as? String, let data = Data(base64Encoded: text) {
            return Array(data)
        }
        throw Malformed(what: "neither text nor base64")
    }

    private static func event(_ object: [String: Any]) throws -> RevokeEvent {
        guard let id = object["id"] as? String, let source = object["source"] as? String,
            let number = object["contract"] as? Int64, let contract = ContractID(number),
            let names = object["warnings"] as? [String], let isReplay = object["isReplay"] as? Bool
        else { throw Malformed(what: "event") }
        var warnings: EventWarnings = []
        for name in names {
            switch name {
            case "keyDiffers": warnings.insert(.keyDiffers)
            case "subjectDiffers": warnings.insert(.subjectDiffers)
            case "implausibleTime": warnings.insert(.implausibleTime)
            default: throw Malformed(what: "warning \(name)")
            }
        }
        return RevokeEvent(
            id: id, source: source, contract: contract, account: object["account"] as? String,
            reason: object["reason"] as? String, reportedBy: object["reportedBy"] as? String,
            leakTime: try object["leakTime"].map { try time($0) },
            earliestTime: try object["earliestTime"].map { try time($0) }, warnings: warnings, isReplay: isReplay)
    }
}
