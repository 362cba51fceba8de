import Foundation
import RevokeClient
import RevokeModel
import Testing
import WorkerTestKit

/// Every way in which an answer can fail, asserted as not sent, answered or ambiguous.
@Suite struct FaultTests {
    /// What a server does after it has read the request.
    struct Fault: Sendable, CustomTestStringConvertible {
        var name: String
        var outcome: CallOutcome
        var deadline: Int64 = 15_000
        var script: ScriptedServer.Script

        init(
            _ name: String, _ outcome: CallOutcome, deadline: Int64 = 15_000, _ script: @escaping ScriptedServer.Script
        ) {
            self.name = name
            self.outcome = outcome
            self.deadline = deadline
            self.script = script
        }

        /// Sends a text and closes.
        init(_ name: String, _ outcome: CallOutcome, text: String) {
            self.init(name, outcome) { $0.write(text) }
        }

        var testDescription: String { name }
    }

    static let faults: [Fault] = [
        Fault("silence", .ambiguous(.deadline), deadline: 500) { $0.readToEnd() },
        Fault("slow head", .ambiguous(.deadline), deadline: 500) { connection in
            connection.write("HTTP/1.1 204 No Content\r\nDate: ")
            connection.readToEnd()
        },
        // The head must be there before the deadline, on a slow machine too.
        Fault("slow body", .unavailable(status: 500, retryAfter: nil), deadline: 3_000) { connection in
            connection.write("HTTP/1.1 500 X\r\nContent-Length: 10\r\n\r\nab")
            connection.readToEnd()
        },
        Fault("slow body of a 200", .misdirected(status: 200), deadline: 3_000) { connection in
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab")
            connection.readToEnd()
        },
        Fault("endless body", .misdirected(status: 400, mayEndAlone: true)) { connection in
            connection.write("HTTP/1.1 400 X\r\n\r\n")
            while connection.write([UInt8](repeating: 0x61, count: 65_536)) {}
        },
        Fault("endless chunks", .misdirected(status: 200)) { connection in
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while connection.write("8\r\nabcdefgh\r\n") {}
        },
        Fault("head over the cap", .ambiguous(.garbage)) { connection in
            connection.write("HTTP/1.1 204 No Content\r\n")
            for number in 0..<40 { connection.write("X-\(number): " + String(repeating: "a", count: 1_000) + "\r\n") }
            connection.write("\r\n")
            connection.readToEnd()
        },
        Fault("endless 1xx", .ambiguous(.garbage)) { connection in
            while connection.write("HTTP/1.1 103 Early Hints\r\n\r\n") {}
        },
        Fault("closed after reading", .ambiguous(.connectionClosed), text: ""),
        Fault("reset after reading", .ambiguous(.connectionClosed)) { $0.reset() },
        Fault("closed in the head of a 204", .ambiguous(.incompleteHead), text: "HTTP/1.1 204 No Content\r\nDate: x"),
        Fault(
            "closed behind the status line of a 204", .ambiguous(.incompleteHead), text: "HTTP/1.1 204 No Content\r\n"),
        Fault("closed before the blank line of a 204", .ambiguous(.incompleteHead), text: "HTTP/1.1 204 X\r\nA: b\r\n"),
        Fault("reset in the head of a 500", .ambiguous(.incompleteHead)) { connection in
            connection.write("HTTP/1.1 500 X\r\n")
            connection.close()
        },
        Fault(
            "closed in the body", .misdirected(status: 400, mayEndAlone: true),
            text: "HTTP/1.1 400 X\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{}"),
        Fault("100, 103, 204", .revoked) { connection in
            connection.write("HTTP/1.1 100 Continue\r\n\r\n")
            connection.write("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
            connection.write(noContent)
        },
        Fault("100 and closed", .ambiguous(.incompleteHead), text: "HTTP/1.1 100 Continue\r\n\r\n"),
        Fault("HTTP/0.9", .ambiguous(.garbage), text: "hello\r\n"),
        Fault("status 2040", .ambiguous(.garbage), text: "HTTP/1.1 2040 X\r\n\r\n"),
        Fault("the status line of HTTP/2", .ambiguous(.garbage), text: "HTTP/2 204 No Content\r\n\r\n"),
        Fault("the status line of HTTP/3", .ambiguous(.garbage), text: "HTTP/3 204 No Content\r\n\r\n"),
        Fault("two status lines", .ambiguous(.garbage), text: "HTTP/1.1 204 X\r\nHTTP/1.1 500 X\r\n\r\n"),
        Fault("HTTP/1.0", .revoked, text: "HTTP/1.0 204 No Content\r\n\r\n"),
        Fault("bare line feeds", .revoked, text: "HTTP/1.1 204 No Content\n\n"),
        Fault("a 204 with a body", .revoked, text: "HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\nhello"),
    ]

    @Test(arguments: faults)
    func afterReading(_ fault: Fault) async throws {
        let server = try ScriptedServer { connection in
            _ = connection.readRequest()
            fault.script(connection)
        }
        let result = try await call(account(server.url, deadline: fault.deadline))
        #expect(result.outcome == fault.outcome)
        result.check(fault.outcome.end)
        #expect(server.requests == 1)
    }

    @Test func closedInTheStatusLine() async throws {
        let server = try ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 2")
        }
        // Which cause it is differs between versions of libcurl.
        let result = try await call(account(server.url))
        result.check(.ambiguous)
        #expect(server.requests == 1)
    }

    @Test(arguments: [false, true])
    func closedOnAccept(reset: Bool) async throws {
        let server = try ScriptedServer { if reset { $0.reset() } }
        let result = try await call(account(server.url))
        // libcurl may not have sent yet when the end comes: both ends are true then, each with its own sign.
        #expect(result.outcome == .ambiguous(.connectionClosed) || result.outcome == .unreachable(.connect))
        result.check(result.outcome.end)
        #expect(server.requests == 0)
    }

    @Test func refused() async throws {
        let server = try ScriptedServer { _ in }
        server.stop()
        let url = server.url
        #expect(await server.wait { _ in true })
        let result = try await call(account(url, deadline: 5_000))
        // The listener's thread closes the socket: until then the connection is made and never served.
        #expect(result.outcome == .unreachable(.connect) || result.outcome.end == .ambiguous)
        result.check(result.outcome.end)
    }

    /// A server reads the second request of a connection and closes: libcurl sends it again by itself on another
    /// connection, and the gate stops that. The server sees it once.
    @Test(arguments: [false, true])
    func hiddenResend(reset: Bool) async throws {
        let server = try ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.write(noContent)
            guard connection.readRequest() != nil else { return }
            if reset { connection.reset() }
        }
        let client = try RevokeClient(accounts: [try account(server.url)])
        let first = try await client.revokeAll(try contract(1))
        #expect(first.outcome == .revoked)
        let second = try await client.revokeAll(try contract(2))
        second.check(.ambiguous)
        if !reset { #expect(second.outcome == .ambiguous(.resendStopped)) }
        #expect(server.requests == 2)
        let texts = server.receivedText
        #expect(texts.joined().components(separatedBy: "/acme/2/").count == 2)
        // The retry on a fresh connection is answered there.
        let third = try await client.revokeAll(try contract(3), freshConnection: true)
        #expect(third.outcome == .revoked)
        await client.shutdown()
        #expect(server.requests == 3)
    }

    /// The handle's own count of libcurl's resends must not change an end: many deaths in a row.
    @Test func manyDeaths() async throws {
        let server = try ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.write(noContent)
            _ = connection.readRequest()
        }
        let client = try RevokeClient(accounts: [try account(server.url)])
        for round in 0..<12 {
            let first = try await client.revokeAll(try contract(), freshConnection: true)
            #expect(first.outcome == .revoked, "round \(round)")
            let second = try await client.revokeAll(try contract())
            #expect(second.outcome.end == .ambiguous, "round \(round)")
        }
        await client.shutdown()
        #expect(server.requests == 24)
    }

    /// A server closes an idle connection: the next request goes over a new one at once and counts as one attempt.
    @Test(arguments: [false, true])
    func closedWhileIdle(reset: Bool) async throws {
        let go = Latch()
        let server = try ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.write(noContent)
            if connection.index == 0 {
                _ = go.waitOnThread()
                if reset { connection.reset() }
            } else {
                _ = connection.readRequest()
            }
        }
        let client = try RevokeClient(accounts: [try account(server.url)])
        #expect(try await client.revokeAll(try contract(1)).outcome == .revoked)
        go.open()
        #expect(await server.wait { $0.ended == 1 })
        let second = try await client.revokeAll(try contract(2))
        #expect(second.outcome == .revoked)
        await client.shutdown()
        #expect(server.requests == 2)
        #expect(server.received.map { $0.isEmpty } == [false, false])
    }

    /// A 204 that nobody asked for waits on the idle connection: it is not the answer to the next request.
    @Test func strayAnswer() async throws {
        let go = Latch()
        let isWritten = Latch()
        let server = try ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            if connection.index == 0 {
                connection.write(noContent)
                _ = go.waitOnThread()
                connection.write(noContent)
                isWritten.open()
                connection.readToEnd()
            } else {
                connection.write("HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n")
                connection.readToEnd()
            }
        }
        let client = try RevokeClient(accounts: [try account(server.url)])
        #expect(try await client.revokeAll(try contract(1)).outcome == .revoked)
        go.open()
        #expect(await isWritten.wait())
        let second = try await client.revokeAll(try contract(2))
        #expect(second.outcome == .unavailable(status: 503, retryAfter: nil))
        await client.shutdown()
        #expect(server.observation.connections == 2)
        #expect(server.receivedText[0].contains("/acme/1/") && !server.receivedText[0].contains("/acme/2/"))
        #expect(server.requests == 2)
    }

    /// Two answers in one piece: the second is not the answer to the next request. libcurl drops what it reads together
    /// with an answer; whether the connection is used again then differs between its versions.
    @Test(arguments: [
        noContent,
        "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 X\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 503 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ])
    func doubledAnswer(_ answer: String) async throws {
        let server = try ScriptedServer { connection in
            if connection.index == 0 {
                guard connection.readRequest() != nil else { return }
                connection.write(answer + noContent)
            }
            while connection.readRequest() != nil { connection.write("HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n") }
        }
        let client = try RevokeClient(accounts: [try account(server.url)])
        #expect(try await client.revokeAll(try contract(1)).outcome.end == .answered)
        let second = try await client.revokeAll(try contract(2))
        #expect(second.outcome == .unavailable(status: 503, retryAfter: nil))
        await client.shutdown()
        #expect(server.requests == 2)
    }

    /// The answer to the first request leaves the connection in doubt: bytes that come behind it, here a whole 204 once the
    /// next request was read, would be taken for the next answer. So the next request goes over another connection.
    @Test(arguments: [
        // With a body that a 204 cannot have.
        "HTTP/1.1 204 No Content\r\nContent-Length: 27\r\n\r\n",
        "HTTP/1.1 204 No Content\r\ncontent-length:27\r\nX: y\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: 00\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: \r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nContent-Length: 27\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nTransfer-Encoding: identity\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nTransfer-Encoding:\r\n\r\n",
        // A status that has no body by its meaning, whatever follows.
        "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 27\r\n\r\n",
        // More than one head, or another version.
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.0 204 No Content\r\nConnection: keep-alive\r\n\r\n",
        "HTTP/1.0 503 X\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
        // Lines that two readers can read in two ways.
        "HTTP/1.1 204 No Content\nX: y\n\n",
        "HTTP/1.1 204 No Content\r\nContent-Length : 27\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\tContent-Length: 27\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nnothing\r\n\r\n",
        // An end of the body that is declared twice, or not as a number.
        "HTTP/1.1 503 X\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 503 X\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 503 X\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    ])
    func connectionIsNotUsedAgain(_ answer: String) async throws {
        let connections = try await connectionsOfTwoCalls(answer, second: .unavailable(status: 503, retryAfter: nil))
        #expect(connections == 2)
    }

    /// The closed list of answers behind which a connection is used again.
    @Test(arguments: [
        noContent,
        "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nX:\r\nDate: x\r\nKeep-Alive: timeout=5\r\n\r\n",
        "HTTP/1.1 503 X\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 401 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 401 X\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\nX-Trailer: y\r\n\r\n",
        "HTTP/1.1 302 X\r\nLocation: /\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab",
    ])
    func connectionIsUsedAgain(_ answer: String) async throws {
        let connections = try await connectionsOfTwoCalls(answer, second: .revoked)
        #expect(connections == 1)
    }

    /// Without reuse each request has a connection of its own, whatever the answer.
    @Test func connectionOfItsOwn() async throws {
        let connections = try await connectionsOfTwoCalls(
            noContent, second: .unavailable(status: 503, retryAfter: nil), reusesConnections: false)
        #expect(connections == 2)
    }

    /// Two calls of different contracts, one after the other. What reads a second request of the first connection answers
    /// 204, other connections answer 503.
    private func connectionsOfTwoCalls(
        _ answer: String, second: CallOutcome, reusesConnections: Bool = true
    ) async throws -> Int {
        let server = try ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            guard connection.index == 0 else {
                connection.write("HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n")
                return connection.readToEnd()
            }
            connection.write(answer)
            if connection.readRequest() != nil { connection.write(noContent) }
        }
        var account = try account(server.url)
        account.reusesConnections = reusesConnections
        let client = try RevokeClient(accounts: [account])
        let first = try await client.revokeAll(try contract(1))
        #expect(first.sentAt != nil)
        let result = try await client.revokeAll(try contract(2))
        #expect(result.outcome == second)
        await client.shutdown()
        #expect(server.requests == 2)
        return server.observation.connections
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func redirectIsNotFollowed(_ status: Int) async throws {
        let other = try ScriptedServer(answering(noContent))
        let location = "http://localhost:\(other.port)/acme/12345/credentials/revoke"
        let server = try ScriptedServer(
            answering("HTTP/1.1 \(status) X\r\nLocation: \(location)\r\nContent-Length: 0\r\n\r\n"))
        let result = try await call(account(server.url))
        #expect(result.outcome == .misdirected(status: status))
        #expect(other.observation.connections == 0)
    }

    /// Proxy variables send nothing anywhere.
    @Test func proxyVariablesDoNotCount() async {
        await #expect(processExitsWith: .success) {
            let proxy = try ScriptedServer(answering(noContent))
            let server = try ScriptedServer(answering(noContent))
            for name in ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
                _ = unsafe setenv(name, proxy.url, 1)
            }
            let result = try await call(account(server.url))
            guard result.outcome == .revoked, proxy.observation.connections == 0, server.requests == 1 else {
                exit(1)
            }
        }
    }

    /// A proxy that is configured gets a CONNECT without the key; what it refuses was not sent.
    @Test func configuredProxy() async throws {
        let proxy = try ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            if connection.index == 0 {
                connection.write("HTTP/1.1 407 X\r\nContent-Length: 0\r\n\r\n")
                return connection.readToEnd()
            }
            connection.write("HTTP/1.1 200 X\r\n\r\n")
            guard connection.readRequest() != nil else { return }
            connection.write(noContent)
            connection.readToEnd()
        }
        var configuration = try account("http://127.0.0.1:9")
        configuration.proxy = proxy.url
        configuration.allowPlainHTTP = true
        let refused = try await call(configuration)
        refused.check(.notSent)
        let tunnelled = try await call(configuration)
        #expect(tunnelled.outcome == .revoked)
        #expect(!proxy.receivedText[0].contains(secret))
        #expect(proxy.receivedText[1].hasPrefix("CONNECT 127.0.0.1:9 HTTP/1.1\r\n"))
        #expect(proxy.receivedText[1].components(separatedBy: secret).count == 2)
        // The proxy and the API are told who asks.
        let agent = "\r\nUser-Agent: RevokeClient/\(RevokeClient.version)\r\n"
        #expect(proxy.receivedText[0].contains(agent))
        #expect(proxy.receivedText[1].components(separatedBy: agent).count == 3)
    }
}
