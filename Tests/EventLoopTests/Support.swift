import EventLoop
import Foundation
import Testing

/// How long a test waits for a signal before it fails, in milliseconds.
let generousBound: Int64 = 20_000

/// Runs a loop until the test stops it, and fails when that does not happen within the bound; closes it afterwards.
func runToEnd(_ loop: EventLoop, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let bound = try loop.makeTimer {
        Issue.record("The loop was not stopped within the bound.", sourceLocation: sourceLocation)
        loop.stop()
    }
    bound.start(after: generousBound)
    loop.run()
    loop.close()
}

/// A pair of connected descriptors, closed at the end of its life.
final class DescriptorPair {
    let first: Int32
    let second: Int32
    private var open: Set<Int32> = []

    /// A stream socket pair, or a pipe (first is the reading end).
    init(pipe isPipe: Bool = false) {
        var ends: [Int32] = [-1, -1]
        let result = unsafe isPipe ? pipe(&ends) : socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
        #expect(result == 0)
        first = ends[0]
        second = ends[1]
        open = Set(ends)
    }

    func close(_ end: Int32) {
        if open.remove(end) != nil { _ = Glibc.close(end) }
    }

    deinit { for end in open { _ = Glibc.close(end) } }
}

/// Writes bytes to a descriptor.
func send(_ text: String, to descriptor: Int32) {
    let bytes = Array(text.utf8)
    #expect(unsafe write(descriptor, bytes, bytes.count) == bytes.count)
}

/// Reads up to 1,024 bytes of a descriptor.
func receive(from descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 1_024)
    let count = unsafe read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
}

/// A new directory, removed at the end of its life.
final class TemporaryDirectory {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("loop-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func path(_ name: String) -> String { path + "/" + name }
}

/// Writes a file in place.
func writeInPlace(_ text: String, _ path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
}

/// Makes a symbolic link.
func link(_ path: String, to target: String) {
    let result = unsafe symlink(target, path)
    #expect(result == 0)
}

/// Renames a file over another.
func move(_ path: String, over other: String) {
    let result = unsafe rename(path, other)
    #expect(result == 0)
}
