internal import Foundation
internal import Threads

/// Certificates that the `openssl` command makes in a temporary directory.
public final class TestCertificates: Sendable {
    /// What is wrong with a server's certificate.
    public enum Defect: String, Sendable {
        /// Nothing: `localhost` and 127.0.0.1.
        case none
        /// It ended yesterday.
        case expired
        /// It is for `other.example`.
        case wrongHost
    }

    private let directory: TemporaryDirectory

    /// Makes an authority.
    public init() throws {
        directory = try TemporaryDirectory()
        try openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key",
            "-out", "ca.pem", "-subj", "/CN=Test Authority", "-days", "2")
    }

    /// The authority's certificate, as a file.
    public var authority: String { directory.file("ca.pem") }

    /// Makes a server's key and certificate; returns their files.
    public func make(_ defect: Defect) throws -> (certificate: String, key: String) {
        let name = defect.rawValue
        let host = defect == .wrongHost ? "DNS:other.example" : "DNS:localhost,IP:127.0.0.1"
        try directory.write("\(name).ext", "subjectAltName=\(host)\n")
        try openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "\(name).key",
            "-out", "\(name).csr", "-subj", "/CN=test")
        try openssl(
            "x509", "-req", "-in", "\(name).csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days",
            defect == .expired ? "-1" : "1", "-extfile", "\(name).ext", "-out", "\(name).pem")
        return (directory.file("\(name).pem"), directory.file("\(name).key"))
    }

    private func openssl(_ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.currentDirectoryURL = URL(fileURLWithPath: directory.path)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw SystemError(number: process.terminationStatus) }
    }
}

/// `openssl s_server` with one answer: what the client sends comes out of its standard output, and what goes into its
/// standard input is sent to the client.
public final class TLSServer: Sendable {
    private struct State {
        var output: [UInt8] = []
        var answered = 0
    }

    /// The port on 127.0.0.1.
    public let port: UInt16
    private let process: Process
    private let state: Box

    private final class Box: Sendable {
        let state = Monitor(State())
    }

    /// Starts the server, which answers each request with the same text.
    public init(certificate: String, key: String, answer: String) throws {
        let process = Process()
        let input = Pipe()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificate, "-key", key,
        ]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process = process
        let box = Box()
        state = box
        let isListening = Latch()
        let reader = Thread {
            let blank = Array("\r\n\r\n".utf8)
            while true {
                let data = output.fileHandleForReading.availableData
                if data.isEmpty { break }
                let answers = box.state.withLock { state in
                    state.output.append(contentsOf: data)
                    let requests = state.output.ranges(of: blank).count
                    let answers = requests - state.answered
                    state.answered = requests
                    return answers
                }
                if Self.port(in: box.state.withLock { $0.output }) != nil { isListening.open() }
                for _ in 0..<max(0, answers) { try? input.fileHandleForWriting.write(contentsOf: Data(answer.utf8)) }
            }
        }
        reader.start()
        guard isListening.waitOnThread(), let port = Self.port(in: box.state.withLock({ $0.output })) else {
            process.terminate()
            throw SystemError(number: ETIMEDOUT)
        }
        self.port = port
    }

    deinit { process.terminate() }

    /// All that came out of the server, the clients' bytes among it.
    public var output: String { state.state.withLock { String(decoding: $0.output, as: UTF8.self) } }

    /// The connections that were made: the server says of each which cipher it has.
    public var connections: Int {
        state.state.withLock { $0.output.ranges(of: Array("CIPHER is ".utf8)).count }
    }

    /// The heads of requests that came.
    public var requests: Int { state.state.withLock { $0.answered } }

    /// `ACCEPT 127.0.0.1:35145`
    private static func port(in output: [UInt8]) -> UInt16? {
        let text = String(decoding: output, as: UTF8.self)
        guard let start = text.firstRange(of: "ACCEPT 127.0.0.1:"),
            let end = text[start.upperBound...].firstIndex(of: "\n")
        else { return nil }
        return UInt16(text[start.upperBound..<end])
    }
}
