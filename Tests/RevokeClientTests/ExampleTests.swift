import Foundation
import RevokeClient
import Synchronization
import Testing
import WorkerTestKit

/// The program of the article, as it is built.
@Suite struct ExampleTests {
    private struct Run {
        var status: Int32
        var output: String
    }

    /// The program lies beside the test's own executable.
    private func run(_ arguments: [String]) async throws -> Run {
        let process = Process()
        let output = Pipe()
        let directory = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        process.executableURL = directory.appendingPathComponent("client-example")
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = output
        let ended = Latch()
        process.terminationHandler = { _ in ended.open() }
        try process.run()
        let isEnded = await ended.wait()
        #expect(isEnded)
        if !isEnded { process.terminate() }
        // Lets go of what Foundation keeps for the process.
        process.waitUntilExit()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(!text.contains(secret))
        return Run(status: process.terminationStatus, output: text)
    }

    @Test func revokes() async throws {
        let server = try ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            // The first attempt ends ambiguous, the second is answered.
            if connection.index > 0 { connection.write(noContent) }
        }
        let directory = try TemporaryDirectory()
        let key = try directory.write("key", secret + "\n")
        let run = try await run([server.url + "/v1", key, "12345"])
        #expect(run.status == 0, "\(run.output)")
        #expect(server.requests == 2)
        #expect(server.receivedText.allSatisfy { $0.hasPrefix("POST /v1/acme/12345/credentials/revoke HTTP/1.1\r\n") })
    }

    /// A page in the API's place, and a permanent answer that asks to wait, are no last word.
    @Test(arguments: [
        "HTTP/1.1 403 X\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<p/>",
        "HTTP/1.1 403 X\r\nRetry-After: 0\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    ])
    func triesAgain(answer: String) async throws {
        let isFirst = Atomic(true)
        let server = try ScriptedServer { connection in
            while connection.readRequest() != nil {
                connection.write(isFirst.exchange(false, ordering: .relaxed) ? answer : noContent)
            }
        }
        let directory = try TemporaryDirectory()
        let key = try directory.write("key", secret)
        let run = try await run([server.url, key, "12345"])
        #expect(run.status == 0, "\(run.output)")
        #expect(server.requests == 2)
    }

    @Test func failures() async throws {
        let server = try ScriptedServer(answering(notFound))
        let directory = try TemporaryDirectory()
        let key = try directory.write("key", secret)
        #expect(try await run([server.url, key, "12345"]).status == 1)
        #expect(try await run([server.url, key, "0"]).status == 2)
        #expect(try await run(["http://example.com", key, "1"]).status == 2)
        #expect(try await run([server.url, try directory.write("bad", "\"\(secret)\""), "1"]).status == 2)
        #expect(server.requests == 1)
    }

    @Test func articleHoldsTheProgram() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let program = try String(
            contentsOf: root.appendingPathComponent("Sources/ClientExample/Main.swift"), encoding: .utf8)
        let article = try String(contentsOf: root.appendingPathComponent("docs/revoke-client.md"), encoding: .utf8)
        #expect(article.contains("```swift\n" + program + "```\n"))
    }

    /// The wiping allocator is for the start alone.
    @Test func wipingAllocatorComesTooLate() async {
        await #expect(processExitsWith: .success) {
            _ = try RevokeClient(accounts: [try account("https://h/v1")])
            do throws(RevokeClientError) {
                try RevokeClient.initializeWithWipingAllocator()
                exit(1)
            } catch {
                guard case .cannotStart = error else { exit(2) }
            }
        }
    }
}
