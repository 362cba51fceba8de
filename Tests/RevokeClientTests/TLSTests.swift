import EventLoop
import Foundation
import RevokeClient
import RevokeModel
import Testing
import WorkerTestKit

@testable import RevokeClient

@Suite struct TLSTests {
    private func server(_ defect: TestCertificates.Defect, _ certificates: TestCertificates) throws -> TLSServer {
        let (certificate, key) = try certificates.make(defect)
        return try TLSServer(certificate: certificate, key: key, answer: noContent)
    }

    @Test func trusted() async throws {
        let certificates = try TestCertificates()
        let server = try server(.none, certificates)
        for host in ["localhost", "127.0.0.1"] {
            var account = try account("https://\(host):\(server.port)/v1")
            account.caFile = certificates.authority
            let client = try RevokeClient(accounts: [account])
            for _ in 0..<4 {
                let result = try await client.revokeAll(try contract())
                #expect(result.outcome == .revoked, "\(result)")
            }
            await client.shutdown()
        }
        #expect(server.requests == 8)
        // Each client has used its connection again.
        #expect(server.connections == 2)
    }

    @Test(arguments: [TestCertificates.Defect.none, .expired, .wrongHost])
    func notTrusted(_ defect: TestCertificates.Defect) async throws {
        let certificates = try TestCertificates()
        let server = try server(defect, certificates)
        var account = try account("https://localhost:\(server.port)/v1")
        // Without a defect it is the authority that is not known.
        if defect != .none { account.caFile = certificates.authority }
        let result = try await call(account)
        #expect(result.outcome == .unreachable(.untrustedCertificate), "\(result)")
        result.check(.notSent)
        #expect(result.detail?.isEmpty == false)
        #expect(!server.output.contains(secret))
        #expect(server.requests == 0)
    }

    @Test func caFileIsMissing() async throws {
        var account = try account("https://127.0.0.1:1/v1")
        let server = try ScriptedServer { $0.readToEnd() }
        account.baseURL = "https://127.0.0.1:\(server.port)"
        account.caFile = "/nonexistent/ca.pem"
        let result = try await call(account)
        #expect(result.outcome == .unreachable(.untrustedCertificate))
        result.check(.notSent)
    }

    /// A second answer that comes in one TLS record with the first one, so that nothing of it waits on the socket, where
    /// the gate looks: it waits in the TLS library when libcurl's buffer ends exactly behind the first.
    @Test(arguments: [1_024, 2_048, 4_096, 8_192, 16_000])
    func secondAnswerInTheSameRecord(length: Int) async throws {
        let start = "HTTP/1.1 204 No Content\r\nX: "
        let first = start + String(repeating: "x", count: length - start.utf8.count - 4) + "\r\n\r\n"
        try await strayAnswer(behind: first, first: .revoked)
    }

    /// The same behind a body: libcurl reads no more than its declared length.
    @Test(arguments: [1_000, 1_024, 2_000])
    func secondAnswerBehindABody(length: Int) async throws {
        let head = "HTTP/1.1 400 X\r\nContent-Length: \(length)\r\n"
        let filled = head + "X: " + String(repeating: "x", count: 1_024 - head.utf8.count - 7) + "\r\n\r\n"
        try await strayAnswer(
            behind: filled + String(repeating: "x", count: length), first: .misdirected(status: 400, mayEndAlone: true))
    }

    private func strayAnswer(behind first: String, first outcome: CallOutcome) async throws {
        let certificates = try TestCertificates()
        let (certificate, key) = try certificates.make(.none)
        let server = try TLSServer(
            certificate: certificate, key: key, answer: first + "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n")
        var account = try account("https://127.0.0.1:\(server.port)/v1")
        account.caFile = certificates.authority
        let client = try RevokeClient(accounts: [account])
        for number in 1...3 {
            #expect(try await client.revokeAll(try contract(Int64(number))).outcome == outcome)
        }
        await client.shutdown()
    }

    @Test func plainHTTPOnATLSPort() async throws {
        let server = try ScriptedServer { connection in
            connection.write("HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.readToEnd()
        }
        let result = try await call(account("https://127.0.0.1:\(server.port)"))
        #expect(result.outcome == .unreachable(.tls))
        result.check(.notSent)
        #expect(!server.receivedText.joined().contains(secret))
    }

    /// A CA file is read again when its content changes.
    @Test func caFileChanges() async throws {
        let certificates = try TestCertificates()
        let others = try TestCertificates()
        let server = try server(.none, certificates)
        let directory = try TemporaryDirectory()
        let file = directory.file("ca.pem")
        try FileManager.default.copyItem(atPath: others.authority, toPath: file)
        let right = try Data(contentsOf: URL(fileURLWithPath: certificates.authority))
        var configuration = try account("https://127.0.0.1:\(server.port)")
        configuration.caFile = file
        let account = configuration
        let outcomes: [CallOutcome] = try await onLoop { loop, finish in
            let client = try LoopRevokeClient(loop: loop, account: account, gateLimit: nil)
            let contract = try contract()
            var outcomes: [CallOutcome] = []
            func attempt() {
                client.revokeAll(contract) { result in
                    if outcomes.last != result.outcome { outcomes.append(result.outcome) }
                    guard result.outcome != .revoked else {
                        client.close()
                        return finish(outcomes)
                    }
                    try? right.write(to: URL(fileURLWithPath: file), options: .atomic)
                    let timer = try? loop.makeTimer { attempt() }
                    timer?.start(after: 50)
                }
            }
            attempt()
        }
        #expect(outcomes == [.unreachable(.untrustedCertificate), .revoked])
        withExtendedLifetime(directory) {}
    }

    /// A change that comes before the loop's helper threads read the file is told too: libcurl keeps what it has loaded
    /// of a CA file for a day.
    @Test func aChangeBeforeTheFirstReadIsTold() async throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("content", "before")
        let isTold: Bool = try await onLoop { loop, finish in
            // More than libuv has threads: nothing is read until they end.
            let isWritten = Latch()
            for _ in 0..<8 {
                try loop.offload({ isWritten.waitOnThread() }, then: { _ in })
            }
            // Its handler keeps it until then.
            var watch: FileContentWatch?
            watch = try FileContentWatch(loop: loop, path: file, pollInterval: 50) {
                watch?.close()
                watch = nil
                finish(true)
            }
            try directory.write("content", "after")
            isWritten.open()
        }
        #expect(isTold)
    }
}
