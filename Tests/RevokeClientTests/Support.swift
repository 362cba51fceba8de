import EventLoop
import Foundation
import RevokeClient
import RevokeModel
import Testing
import WorkerTestKit

/// The key of all tests: looked for in everything that is printed.
let secret = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"

func contract(_ value: Int64 = 12_345) throws -> ContractID { try #require(ContractID(value)) }

func account(_ url: String, key: String = secret, deadline: Int64 = 15_000) throws -> AccountConfiguration {
    var account = AccountConfiguration(
        name: try #require(AccountName("main")), baseURL: url, key: try APIKey(key))
    account.requestDeadline = deadline
    account.connectTimeout = deadline
    return account
}

/// One call through a client of its own.
func call(_ account: AccountConfiguration, freshConnection: Bool = false) async throws -> CallResult {
    let client = try RevokeClient(accounts: [account])
    let result = try await client.revokeAll(try contract(), freshConnection: freshConnection)
    await client.shutdown()
    #expect(!"\(result)".contains(secret))
    return result
}

/// How an outcome says that a request ended.
enum End {
    case notSent
    case answered
    case ambiguous
}

extension CallOutcome {
    var end: End {
        switch self {
        case .revoked, .rejected, .unauthorized, .conflict, .rateLimited, .transient, .unavailable, .misdirected:
            .answered
        case .unreachable, .withheld: .notSent
        case .ambiguous: .ambiguous
        }
    }
}

extension CallResult {
    /// The three ways to tell an end agree.
    func check(_ end: End, at location: SourceLocation = #_sourceLocation) {
        #expect(outcome.end == end, sourceLocation: location)
        #expect((sentAt == nil) == (end == .notSent), sourceLocation: location)
    }
}

/// Runs a loop on a thread of its own until `finish` was called; a bound of 40 s ends it.
func onLoop<R: Sendable>(
    _ body: @escaping @Sendable (EventLoop, @escaping (R) -> Void) throws -> Void
) async throws -> R {
    let result: R? = await withCheckedContinuation { continuation in
        let thread = Thread {
            var result: R?
            do {
                let loop = try EventLoop()
                let bound = try loop.makeTimer { loop.stop() }
                bound.start(after: 40_000)
                try body(loop) {
                    result = $0
                    loop.stop()
                }
                loop.run()
                loop.close()
            } catch {
                Issue.record(error)
            }
            continuation.resume(returning: result)
        }
        thread.start()
    }
    return try #require(result, "the loop did not finish within its bound")
}

let noContent = "HTTP/1.1 204 No Content\r\n\r\n"
/// The API's own word that there is no such contract.
let notFound = "HTTP/1.1 404 X\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

/// Answers every request of every connection alike.
func answering(_ answer: String) -> ScriptedServer.Script {
    { connection in while connection.readRequest() != nil { connection.write(answer) } }
}
