import Curl
import EventLoop
import Foundation
import RevokeModel
import Testing
import WorkerTestKit

@testable import RevokeClient

@Suite struct LoopTests {
    /// A key that changes while a call is in flight: that call keeps its key and its version, the next has the new one.
    @Test func keyChangesInFlight() async throws {
        let isHeld = Latch()
        let go = Latch()
        let server = try ScriptedServer { connection in
            while connection.readRequest() != nil {
                if connection.index == 0 {
                    isHeld.open()
                    _ = go.waitOnThread()
                }
                connection.write("HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let account = try account(server.url)
        let newKey = "another-key-of-the-same-account"
        let results: [CallResult] = try await onLoop { loop, finish in
            let client = try LoopRevokeClient(loop: loop, account: account, gateLimit: nil)
            let contract = try contract()
            var results: [CallResult] = []
            client.revokeAll(contract) { first in
                results.append(first)
                client.close()
                finish(results)
            }
            let wakeup = try loop.makeWakeup {
                // The same key is no change.
                client.updateKey(account.key)
                #expect(client.keyVersion == 1)
                guard let key = try? APIKey(newKey) else { return }
                client.updateKey(key)
                #expect(client.keyVersion == 2)
                client.revokeAll(contract) { second in
                    results.append(second)
                    go.open()
                }
            }
            Thread.detachNewThread { if isHeld.waitOnThread() { wakeup.signal() } }
        }
        #expect(results.map(\.outcome) == [.unauthorized(keyVersion: 2), .unauthorized(keyVersion: 1)])
        #expect(results.map(\.keyVersion) == [2, 1])
        #expect(server.receivedText.map { $0.contains(secret) } == [true, false])
        #expect(server.receivedText.map { $0.contains(newKey) } == [false, true])
    }

    /// The gate: nothing is sent when the loop stood still for longer than the limit, and a tick opens it again.
    @Test func lateGate() async throws {
        let server = try ScriptedServer(answering(noContent))
        let account = try account(server.url)
        let results: [CallResult] = try await onLoop { loop, finish in
            let client = try LoopRevokeClient(loop: loop, account: account, gateLimit: 5_000)
            let contract = try contract()
            var results: [CallResult] = []
            // Nobody ticks until then.
            let timer = try loop.makeTimer {
                client.revokeAll(contract) { late in
                    results.append(late)
                    client.tick(at: EventLoop.boottime())
                    client.revokeAll(contract) { sent in
                        results.append(sent)
                        client.close()
                        finish(results)
                    }
                }
            }
            timer.start(after: 5_100)
        }
        #expect(results.map(\.outcome) == [.withheld, .revoked])
        #expect(results.map { $0.sentAt == nil } == [true, false])
        #expect(server.requests == 1)
    }

    /// The gate's limit counts from the time that was looked at: what stood still after that look is late.
    @Test func aTickCountsFromItsTime() async throws {
        let server = try ScriptedServer(answering(noContent))
        let account = try account(server.url)
        let results: [CallResult] = try await onLoop { loop, finish in
            let client = try LoopRevokeClient(loop: loop, account: account, gateLimit: 600_000)
            let contract = try contract()
            var results: [CallResult] = []
            client.tick(at: EventLoop.boottime() - 600_001)
            client.revokeAll(contract) { late in
                results.append(late)
                client.tick(at: EventLoop.boottime())
                client.revokeAll(contract) { sent in
                    results.append(sent)
                    client.close()
                    finish(results)
                }
            }
        }
        #expect(results.map(\.outcome) == [.withheld, .revoked])
        #expect(server.requests == 1)
    }

    /// `sentAt` lies between the start and the end of a call, on the clock of the loop.
    @Test func sentAt() async throws {
        let server = try ScriptedServer(answering(noContent))
        let before = EventLoop.boottime()
        let result = try await call(account(server.url))
        let sentAt = try #require(result.sentAt)
        #expect(before <= sentAt && sentAt <= EventLoop.boottime())
    }

    @Test(
        arguments: [
            (
                200,
                #"{"credentials":[{"credential_id":4821,"kid_hint":"ab12","status":"active","created_at":"2026-06-01 14:00:00"},"#
                    + #"{"credential_id":7,"status":"revoked","created_at":"2025-01-02 03:04:05"}],"more":null}"#,
                .listed([
                    Credential(id: 4_821, isActive: true, createdAt: "2026-06-01 14:00:00"),
                    Credential(id: 7, isActive: false, createdAt: "2025-01-02 03:04:05"),
                ])
            ),
            (200, #"{"credentials":[]}"#, .listed([])),
            (200, #"{"credentials":[]"#, .failed(.misdirected(status: 200))),
            (200, #"{"credentials":{}}"#, .failed(.misdirected(status: 200))),
            (200, #"{}"#, .failed(.misdirected(status: 200))),
            (200, "<html></html>", .failed(.misdirected(status: 200))),
            (
                200, #"{"credentials":[{"credential_id":"7","status":"active","created_at":""}]}"#,
                .failed(.misdirected(status: 200))
            ),
            (
                200, #"{"credentials":[{"credential_id":7,"status":"odd","created_at":""}]}"#,
                .failed(.misdirected(status: 200))
            ),
            (204, "", .failed(.misdirected(status: 204))),
            (401, "", .failed(.unauthorized(keyVersion: 1))),
            (404, "<html></html>", .failed(.misdirected(status: 404, mayEndAlone: true))),
            (404, #"{"errors":[{"code":"not_found"}]}"#, .failed(.rejected(status: 404, code: ErrorCode("not_found")))),
        ] as [(Int, String, ListOutcome)])
    func list(_ status: Int, _ body: String, _ outcome: ListOutcome) async throws {
        let server = try ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write(
                "HTTP/1.1 \(status) X\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n\(body)")
        }
        let account = try account(server.url + "/v1")
        let result: ListResult = try await onLoop { loop, finish in
            let client = try LoopRevokeClient(loop: loop, account: account, gateLimit: nil)
            client.listCredentials(try contract(77)) { result in
                client.close()
                finish(result)
            }
        }
        #expect(result.outcome == outcome)
        #expect(server.receivedText.first?.hasPrefix("GET /v1/acme/77/credentials HTTP/1.1\r\n") == true)
    }

    /// The worker's requests, a call and a list, name the worker and say what they accept.
    @Test func requestsNameTheProgram() async throws {
        let server = try ScriptedServer(answering(noContent))
        let account = try account(server.url + "/v1")
        let done: Bool = try await onLoop { loop, finish in
            let client = try LoopRevokeClient(
                loop: loop, account: account, userAgent: "revoke-worker/9", gateLimit: nil)
            let contract = try contract(77)
            client.revokeAll(contract) { _ in
                client.listCredentials(contract) { _ in
                    client.close()
                    finish(true)
                }
            }
        }
        #expect(done)
        let head =
            "HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\nUser-Agent: revoke-worker/9\r\n"
            + "X-PARTNER-APIKEY: \(secret)\r\nAccept: application/json\r\n"
        #expect(
            server.receivedText == [
                "POST /v1/acme/77/credentials/revoke \(head)Content-Length: 0\r\n\r\n"
                    + "GET /v1/acme/77/credentials \(head)\r\n"
            ])
    }

    /// A list of more than 16 KiB is read.
    @Test func longList() async throws {
        let entry = #"{"credential_id":1,"status":"active","created_at":"2026-06-01 14:00:00"}"#
        let body = #"{"credentials":["# + Array(repeating: entry, count: 2_000).joined(separator: ",") + "]}"
        let server = try ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 200 X\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            connection.readToEnd()
        }
        let account = try account(server.url)
        let result: ListResult = try await onLoop { loop, finish in
            let client = try LoopRevokeClient(loop: loop, account: account, gateLimit: nil)
            client.listCredentials(try contract()) { result in
                client.close()
                finish(result)
            }
        }
        guard case .listed(let credentials) = result.outcome else {
            Issue.record("not listed: \(result)")
            return
        }
        #expect(credentials.count == 2_000)
    }

    @Test func configurationsThatAreRefused() throws {
        let base = try account("https://h/v1")
        let name = base.name
        func error(_ change: (inout AccountConfiguration) -> Void) -> RevokeClientError? {
            var account = base
            change(&account)
            do throws(RevokeClientError) {
                _ = try account.transferOptions()
                return nil
            } catch { return error }
        }
        #expect(error { _ in } == nil)
        #expect(error { $0.baseURL = "http://h/v1" } == .baseURL(name, .plainHTTP))
        #expect(
            error { account in
                account.baseURL = "http://h/v1"
                account.allowPlainHTTP = true
            } == nil)
        #expect(error { $0.requestDeadline = 0 } == .outOfRange(name, option: "requestDeadline"))
        #expect(error { $0.connectTimeout = 0 } == .outOfRange(name, option: "connectTimeout"))
        #expect(error { $0.maximumConnections = 1_025 } == .outOfRange(name, option: "maximumConnections"))
        #expect(error { $0.maximumIdleTime = 1 } == .outOfRange(name, option: "maximumIdleTime"))
        for proxy in ["h:3128", "https://h:3128", "http://h", "http://u:p@h:3128", "http://h:3128/x", "socks5://h:1"] {
            #expect(error { $0.proxy = proxy } == .proxy(name))
        }
        #expect(error { $0.proxy = "http://proxy.example:3128" } == nil)
        // Through a proxy plain http goes in clear to another host, also when the base URL is this one.
        for url in ["http://127.0.0.1:1/v1", "http://localhost:1", "http://[::1]:1"] {
            #expect(
                error { account in
                    account.baseURL = url
                    account.proxy = "http://127.0.0.1:3128"
                } == .plainHTTPThroughProxy(name))
            #expect(
                error { account in
                    account.baseURL = url
                    account.proxy = "http://127.0.0.1:3128"
                    account.allowPlainHTTP = true
                } == nil)
        }
    }
}
