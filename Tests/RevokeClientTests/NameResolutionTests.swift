import EventLoop
import Foundation
import RevokeModel
import Testing
import WorkerTestKit

@testable import RevokeClient

/// Name resolution in a network of its own, which needs the rights of root: there the only name server is one that the
/// test runs.
@Suite(.enabled(if: geteuid() == 0 && PrivateNetwork.isPossible))
struct NameResolutionTests {
    @Test func fails() async throws {
        let result = try await resolve(serverIsThere: false, deadline: 20_000)
        #expect(result.call.outcome == .unreachable(.nameResolution), "\(result.call)")
        result.call.check(.notSent)
    }

    /// A name server that never answers (its resolver gives up after minutes): the deadline ends the call, and the loop
    /// goes on before, meanwhile and after; nothing waits for the resolver.
    @Test func hangs() async throws {
        let result = try await resolve(serverIsThere: true, deadline: 500)
        #expect(result.call.outcome == .unreachable(.timeout), "\(result.call)")
        result.call.check(.notSent)
        #expect(result.turnsBefore >= 10)
        #expect(result.queries >= 1)
    }

    private struct Resolved: Sendable {
        var call: CallResult
        var turnsBefore: Int
        var queries: Int
    }

    private func resolve(serverIsThere: Bool, deadline: Int64) async throws -> Resolved {
        let account = try account("https://api.example/v1", deadline: deadline)
        return try await onLoop { loop, finish in
            // Threads that this one starts, libcurl's resolver among them, are in the same network.
            try PrivateNetwork.enter()
            let nameServer = serverIsThere ? try PrivateNetwork.bindNameServer() : -1
            let client = try LoopRevokeClient(loop: loop, account: account, gateLimit: nil)
            var turns = 0
            let timer = try loop.makeTimer { turns += 1 }
            timer.start(after: 10, repeating: 10)
            client.revokeAll(try contract()) { result in
                let turnsBefore = turns
                // After the end the loop still turns.
                let later = try? loop.makeTimer {
                    client.close()
                    var queries = 0
                    var buffer = [UInt8](repeating: 0, count: 512)
                    while serverIsThere, unsafe recv(nameServer, &buffer, 512, Int32(MSG_DONTWAIT)) > 0 {
                        queries += 1
                    }
                    finish(Resolved(call: result, turnsBefore: turnsBefore, queries: queries))
                }
                later?.start(after: 20)
            }
        }
    }
}

/// A network and a file tree that only the calling thread and its later threads see.
enum PrivateNetwork {
    /// Whether this process may make one.
    static let isPossible: Bool = {
        let thread = Latch()
        let result = Latch()
        Thread.detachNewThread {
            if (try? enter()) != nil { result.open() }
            thread.open()
        }
        return thread.waitOnThread() && result.isOpen
    }()

    static func enter() throws {
        // CLONE_NEWNS | CLONE_NEWNET of <sched.h>, which Swift does not import.
        typealias Unshare = @convention(c) (Int32) -> Int32
        guard let symbol = unsafe dlsym(nil, "unshare") else { throw SystemError(number: ENOSYS) }
        let unshare = unsafe unsafeBitCast(symbol, to: Unshare.self)
        guard unshare(0x0002_0000 | 0x4000_0000) == 0 else { throw SystemError(number: errno) }
        let file = NSTemporaryDirectory() + "resolv-" + UUID().uuidString
        try "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n".write(
            toFile: file, atomically: false, encoding: .utf8)
        try run("mount", "--make-rprivate", "/")
        try run("mount", "--bind", file, "/etc/resolv.conf")
        try run("ip", "link", "set", "lo", "up")
        try? FileManager.default.removeItem(atPath: file)
    }

    /// A name server that never answers.
    static func bindNameServer() throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(53).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let code = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe bind(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw SystemError(number: errno) }
        return descriptor
    }

    /// Runs a command. Not by `Process`, whose helper threads would stay in this network.
    private static func run(_ arguments: String...) throws {
        var words = unsafe arguments.map { unsafe strdup($0) } + [nil]
        defer { unsafe words.forEach { unsafe free($0) } }
        var process = pid_t()
        let code = unsafe posix_spawnp(&process, arguments[0], nil, nil, &words, environ)
        guard code == 0 else { throw SystemError(number: code) }
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        guard status == 0 else { throw SystemError(number: status) }
    }
}
