import Foundation

/// A command that runs to its end.
enum Command {
    /// What a command left behind.
    struct Output: Sendable {
        var end: ChildProcess.End
        var standardOutput: String
        var standardError: String
    }

    struct Failure: Error, CustomStringConvertible {
        var command: String
        var output: Output

        var description: String {
            "\(command) ended with \(output.end): \(output.standardError)\(output.standardOutput)"
        }
    }

    /// Runs a command without standard input, or with these bytes.
    /// - Throws: `Failure` when it does not end with 0, unless `mayFail`.
    @discardableResult
    static func run(
        _ path: String, _ arguments: [String], input: [UInt8]? = nil, mayFail: Bool = false
    ) async throws -> Output {
        let output = try await execute(path, arguments, input: input)
        if output.end != .exit(0), !mayFail {
            throw Failure(command: "\(path) \(arguments.joined(separator: " "))", output: output)
        }
        return output
    }

    private static func execute(_ path: String, _ arguments: [String], input: [UInt8]?) async throws -> Output {
        // Files instead of pipes: what the command leaves running (a broker) may keep them open.
        let folder = try TestFolder.make("command")
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = ["in", "out", "err"].map { folder.appendingPathComponent($0) }
        for (file, content) in zip(files, [Data(input ?? []), Data(), Data()]) { try content.write(to: file) }
        let handles = [
            try FileHandle(forReadingFrom: files[0]), try FileHandle(forWritingTo: files[1]),
            try FileHandle(forWritingTo: files[2]),
        ]
        let identifier = try ChildProcess.spawn(
            path, arguments, input: handles[0].fileDescriptor, output: handles[1].fileDescriptor,
            error: handles[2].fileDescriptor)
        for handle in handles { try handle.close() }
        let end = await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: ChildProcess.wait(identifier)) }
        }
        let text = try files.dropFirst().map { String(decoding: try Data(contentsOf: $0), as: UTF8.self) }
        return Output(end: end, standardOutput: text[0], standardError: text[1])
    }
}
