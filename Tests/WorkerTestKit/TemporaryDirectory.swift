internal import Foundation

/// A directory that is removed with the last reference.
public final class TemporaryDirectory: Sendable {
    /// Where it is.
    public let path: String

    /// Makes a directory.
    public init() throws {
        path = NSTemporaryDirectory() + "revoke-worker-test-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of a file in it.
    public func file(_ name: String) -> String { path + "/" + name }

    /// Writes a file in place and returns its path.
    @discardableResult
    public func write(_ name: String, _ content: [UInt8]) throws -> String {
        let path = file(name)
        try Data(content).write(to: URL(fileURLWithPath: path))
        return path
    }

    /// Writes a file in place and returns its path.
    @discardableResult
    public func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }
}
