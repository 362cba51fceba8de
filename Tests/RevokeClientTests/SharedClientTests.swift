import Foundation
import RevokeClient
import RevokeModel
import Testing
import WorkerTestKit

@Suite struct SharedClientTests {
    /// A task that is cancelled while its request is sent gets its result all the same; one that waits is not begun.
    @Test func cancelling() async throws {
        let go = Latch()
        let server = try ScriptedServer { connection in
            while connection.readRequest() != nil {
                _ = go.waitOnThread()
                connection.write(noContent)
            }
        }
        var account = try account(server.url)
        account.maximumConnections = 1
        let client = try RevokeClient(accounts: [account])
        let contract = try contract()
        let sent = Task { try await client.revokeAll(contract) }
        #expect(await server.wait { $0.requests == 1 })
        let waiting = Task { try await client.revokeAll(contract) }
        let cancelledFirst = Task {
            unsafe withUnsafeCurrentTask { task in unsafe task?.cancel() }
            return try await client.revokeAll(contract)
        }
        sent.cancel()
        waiting.cancel()
        await #expect(throws: RevokeClientError.cancelled) { try await waiting.value }
        await #expect(throws: RevokeClientError.cancelled) { try await cancelledFirst.value }
        go.open()
        #expect(try await sent.value.outcome == .revoked)
        await client.shutdown()
        #expect(server.requests == 1)
    }

    /// A program's name stands before the library's own.
    @Test func program() async throws {
        let server = try ScriptedServer(answering(noContent))
        let account = try account(server.url)
        let client = try RevokeClient(accounts: [account], program: "pager/2.1 (night)")
        #expect(try await client.revokeAll(try contract()).outcome == .revoked)
        await client.shutdown()
        let agent = "\r\nUser-Agent: pager/2.1 (night) RevokeClient/\(RevokeClient.version)\r\n"
        #expect(server.receivedText.first?.contains(agent) == true)
        for name in ["", " a", "a ", "a\r\nX: y", "a\nb", "a\tb", "\u{e9}", String(repeating: "a", count: 129)] {
            #expect(throws: RevokeClientError.program) { try RevokeClient(accounts: [account], program: name) }
        }
    }

    @Test func accounts() async throws {
        let server = try ScriptedServer(answering(noContent))
        let other = try ScriptedServer(answering(notFound))
        let first = try account(server.url)
        var second = try account(other.url, key: "the-key-of-the-second-account")
        let name = try #require(AccountName("second"))
        second.name = name
        let unknown = try #require(AccountName("unknown"))
        let client = try RevokeClient(accounts: [first, second])
        let contract = try contract()
        #expect(try await client.revokeAll(contract, account: first.name).outcome == .revoked)
        #expect(try await client.revokeAll(contract, account: name).outcome == .rejected(status: 404, code: nil))
        await #expect(throws: RevokeClientError.unknownAccount(nil)) { try await client.revokeAll(contract) }
        await #expect(throws: RevokeClientError.unknownAccount(unknown)) {
            try await client.revokeAll(contract, account: unknown)
        }
        #expect(!other.receivedText.joined().contains(secret))
        await client.shutdown()
        await client.shutdown()
        await #expect(throws: RevokeClientError.closed) { try await client.revokeAll(contract, account: name) }
        #expect(throws: RevokeClientError.closed) { try client.updateKey(first.key, account: name) }
        #expect(throws: RevokeClientError.noAccounts) { try RevokeClient(accounts: []) }
        #expect(throws: RevokeClientError.duplicateAccount(name)) { try RevokeClient(accounts: [second, second]) }
    }

    /// Many tasks at once: each gets its result, the server sees each once, never more in flight than allowed.
    @Test func manyTasks() async throws {
        let server = try ScriptedServer(answering(noContent))
        let client = try RevokeClient(accounts: [try account(server.url)])
        let contract = try contract()
        let revoked = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<200 { group.addTask { try await client.revokeAll(contract).outcome == .revoked } }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        await client.shutdown()
        #expect(revoked == 200)
        #expect(server.requests == 200)
        #expect(server.observation.connections <= 8)
    }

    /// Calls that wait when `shutdown` comes are made.
    @Test func shutdownDrains() async throws {
        let go = Latch()
        let server = try ScriptedServer { connection in
            while connection.readRequest() != nil {
                _ = go.waitOnThread()
                connection.write(noContent)
            }
        }
        var account = try account(server.url)
        account.maximumConnections = 1
        let client = try RevokeClient(accounts: [account])
        let contract = try contract()
        let first = Task { try await client.revokeAll(contract) }
        #expect(await server.wait { $0.requests == 1 })
        let isPosted = Latch()
        let second = Task {
            async let result = client.revokeAll(contract)
            isPosted.open()
            return try await result
        }
        #expect(await isPosted.wait())
        let shutdown = Task { await client.shutdown() }
        go.open()
        #expect(try await first.value.outcome == .revoked)
        // Posted before the shutdown or after it: done or refused, never left.
        if let result = try? await second.value { #expect(result.outcome == .revoked) }
        await shutdown.value
    }

    @Test func keyIsUpdated() async throws {
        let server = try ScriptedServer(answering(noContent))
        let client = try RevokeClient(accounts: [try account(server.url)])
        let contract = try contract()
        #expect(try await client.revokeAll(contract).keyVersion == 1)
        try client.updateKey(try APIKey("another-key"))
        #expect(try await client.revokeAll(contract).keyVersion == 2)
        await client.shutdown()
        #expect(server.receivedText.joined().contains("X-PARTNER-APIKEY: another-key\r\n"))
    }

    /// An account's key file is read again by the client itself.
    @Test func keyFileOfAnAccount() async throws {
        let server = try ScriptedServer(answering(noContent))
        let directory = try TemporaryDirectory()
        let path = try directory.write("key", "first-key\n")
        var account = try account(server.url)
        account.key = try KeyFile.read(path)
        account.keyFile = path
        let problem = Latch()
        let isWell = Latch()
        let client = try RevokeClient(accounts: [account]) { _, error in
            if error == .quotes { problem.open() }
            if error == nil { isWell.open() }
        }
        let contract = try contract()
        #expect(try await client.revokeAll(contract).outcome == .revoked)
        try directory.write("key", "\"second-key\"\n")
        #expect(await problem.wait())
        #expect(try await client.revokeAll(contract).keyVersion == 1)
        try directory.write("key", "second-key\n")
        #expect(await isWell.wait())
        let result = try await client.revokeAll(contract)
        #expect(result.keyVersion == 2)
        await client.shutdown()
        #expect(server.receivedText.joined().components(separatedBy: "X-PARTNER-APIKEY: second-key\r\n").count == 2)
        withExtendedLifetime(directory) {}
    }
}
