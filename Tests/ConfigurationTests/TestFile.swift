import Foundation

/// Files of tests.
enum TestFile {
    static func write(_ text: String, _ path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    static func read(_ path: String) throws -> String {
        try String(contentsOfFile: path, encoding: .utf8)
    }

    static func remove(_ path: String) {
        try? FileManager.default.removeItem(atPath: path)
    }

    static func makePipe(_ path: String) -> Bool { unsafe mkfifo(path, 0o600) == 0 }

    /// A path in the package, by the place of this file.
    static func inPackage(_ path: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent(path).path
    }

    static var writesReference: Bool { ProcessInfo.processInfo.environment["GENERATE_DOCS"] == "1" }
}
