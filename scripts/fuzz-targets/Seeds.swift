// Writes the first corpora of the targets `json` and `events`: Seeds EXAMPLES JSON-FOLDER EVENTS-FOLDER
import Foundation
import RevokeEvents

@main
enum Seeds {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4 else { fatalError("usage: Seeds EXAMPLES JSON-FOLDER EVENTS-FOLDER") }
        for kind in ["valid", "invalid"] {
            let folder = URL(fileURLWithPath: arguments[1]).appendingPathComponent(kind)
            for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name.hasSuffix(".json") {
                let json = try Data(contentsOf: folder.appendingPathComponent(name))
                guard let example = try JSONSerialization.jsonObject(with: json) as? [String: Any] else { continue }
                let frame = frame(example)
                let seed = "\(kind)-\(name.dropLast(5))"
                if let value = frame.content.value {
                    try Data(value).write(to: URL(fileURLWithPath: arguments[2]).appendingPathComponent(seed))
                }
                if let bytes = frame.bytes {
                    try Data(bytes).write(to: URL(fileURLWithPath: arguments[3]).appendingPathComponent(seed))
                }
            }
        }
    }

    static func frame(_ example: [String: Any]) -> RecordFrame {
        var frame = RecordFrame()
        let options = example["options"] as? [String: Any] ?? [:]
        if options["acceptBareEvents"] != nil { frame.flags |= RecordFrame.bare }
        if options["acceptRegistryPrefix"] != nil { frame.flags |= RecordFrame.registryPrefix }
        if options["maximumRecordSize"] != nil { frame.flags |= RecordFrame.smallLimit }
        let record = example["record"] as? [String: Any] ?? [:]
        frame.content.key = bytes(record["key"])
        frame.content.value = bytes(record["value"])
        for header in record["headers"] as? [[String: Any]] ?? [] {
            frame.content.headers.append(
                RecordHeader(name: header["name"] as? String ?? "", value: bytes(header["value"])))
        }
        return frame
    }

    static func bytes(_ part: Any?) -> [UInt8]? {
        guard let part = part as? [String: String] else { return nil }
        if let text = part["text"] { return Array(text.utf8) }
        return part["base64"].flatMap { Data(base64Encoded: $0) }.map { Array($0) }
    }
}
