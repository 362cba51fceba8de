import Configuration
import Testing
import WorkerTestKit

@testable import DemoKit

@Suite struct StubTests {
    private static let key = "stub-test-key"
    private static let base = "/partner-subscription/api/v1/acme"
    private static let keyHeader = ["X-PARTNER-APIKEY: \(key)"]

    private func withStub(
        _ change: (inout APIStub.Options) -> Void = { _ in }, _ body: (APIStub, RawClient) throws -> Void
    ) throws {
        var options = APIStub.Options(key: Self.key)
        change(&options)
        let stub = APIStub(options)
        try stub.start()
        defer { stub.stop() }
        try body(stub, try RawClient(port: stub.port))
    }

    private func revoke(_ client: RawClient, _ contract: Int64) throws -> RawClient.Answer {
        try client.request(
            "POST", "\(Self.base)/\(contract)/credentials/revoke", headers: Self.keyHeader, body: "")
    }

    @Test func revokesAllActiveCredentials() throws {
        try withStub { (stub, client) throws in
            let list = "\(Self.base)/12345/credentials"
            let before = try client.request("GET", list, headers: Self.keyHeader)
            #expect(before.status == 200)
            #expect(before.body.contains("\"status\":\"active\"") && !before.body.contains("revoked"))
            #expect(try revoke(client, 12345).status == 204)
            #expect(stub.credentials(12345).map(\.isActive) == [false, false])
            // Again: nothing is left to revoke, and the answer is the same.
            #expect(try revoke(client, 12345).status == 204)
            let after = try client.request("GET", list, headers: Self.keyHeader)
            #expect(!after.body.contains("\"active\""))
            #expect(stub.calls(12345) == 2)
            #expect(stub.counts.calls(12345, status: 204) == 2)
            #expect(stub.counts.byKind == [.list: 2, .revokeAll: 2])
            #expect(stub.log.map(\.kind) == [.list, .revokeAll, .revokeAll, .list])
        }
    }

    @Test func revokesOneAndRegenerates() throws {
        try withStub { (stub, client) throws in
            let first = try #require(stub.credentials(7).first)
            let path = "\(Self.base)/7/credentials"
            let one = try client.request("POST", "\(path)/revoke/\(first.id)", headers: Self.keyHeader, body: "")
            #expect(one.status == 204)
            #expect(stub.credentials(7).map(\.isActive) == [false, true])
            let unknown = try client.request("POST", "\(path)/revoke/1", headers: Self.keyHeader, body: "")
            #expect(unknown.status == 404)
            let kept = try client.request(
                "POST", "\(path)/regenerate", headers: Self.keyHeader, body: "{\"revoke_existing\": false}")
            #expect(kept.status == 201)
            #expect(stub.credentials(7).map(\.isActive) == [false, true, true])
            let made = try client.request("POST", "\(path)/regenerate", headers: Self.keyHeader, body: "")
            #expect(made.status == 201)
            #expect(stub.credentials(7).map(\.isActive) == [false, false, false, true])
            #expect(stub.counts.calls == 0)
        }
    }

    @Test func knowsWhichContractsExist() throws {
        try withStub({ $0.unknownContracts = [55] }) { (_, client) throws in
            #expect(try revoke(client, 55).status == 404)
            #expect(try revoke(client, 899_999_999).status == 204)
            #expect(try revoke(client, 900_000_000).status == 404)
            let paths = ["/acme/1/credentials/revoke", "\(Self.base)/abc/credentials/revoke", "\(Self.base)/1/other"]
            for path in paths {
                #expect(try client.request("POST", path, headers: Self.keyHeader, body: "").status == 404)
            }
        }
    }

    @Test func checksTheKey() throws {
        try withStub { (stub, client) throws in
            let path = "\(Self.base)/1/credentials/revoke"
            #expect(try client.request("POST", path, body: "").status == 401)
            #expect(try client.request("POST", path, headers: ["X-PARTNER-APIKEY: other"], body: "").status == 401)
            #expect(stub.credentials(1).map(\.isActive) == [true, true])
            stub.setKey("other")
            #expect(try revoke(client, 1).status == 401)
            #expect(try client.request("POST", path, headers: ["x-partner-apikey: other"], body: "").status == 204)
            #expect(stub.counts.revokeAll == [1: [401: 3, 204: 1]])
        }
    }

    @Test func faultsCanBeSetWhileItRuns() throws {
        try withStub { (stub, client) throws in
            stub.setFaults {
                $0.outage = .unavailable
                $0.retryAfter = 3
            }
            let down = try revoke(client, 1)
            #expect(down.status == 503 && down.header("Retry-After") == "3")
            stub.setFaults { $0.outage = .close }
            try client.send("POST \(Self.base)/1/credentials/revoke HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            #expect(try client.isClosedWithoutAnswer())
            stub.setFaults {
                $0 = StubFaults()
                $0.statusForAll = 404
            }
            let next = try RawClient(port: stub.port)
            #expect(try revoke(next, 1).status == 404)
            stub.setFaults {
                $0.statusForAll = nil
                $0.statusByContract = [2: 500]
                $0.latency = 1
            }
            #expect(try revoke(next, 1).status == 204)
            #expect(try revoke(next, 2).status == 500)
            #expect(stub.counts.revokeAllByStatus == [503: 1, 0: 1, 404: 1, 204: 1, 500: 1])
            #expect(stub.counts.calls(1, status: 0) == 1)
        }
    }

    @Test func keepsItsOwnBudgetInRollingWindows() throws {
        let budget = try #require(Budget(text: "3/1h,2/1m"))
        try withStub({ $0.faults.budget = budget }) { (stub, client) throws in
            #expect(try revoke(client, 1).status == 204)
            #expect(try revoke(client, 2).status == 204)
            let refused = try revoke(client, 3)
            #expect(refused.status == 429)
            #expect(refused.header("Retry-After").flatMap { Int($0) }.map { (1...60).contains($0) } == true)
            stub.setFaults { $0.budget = .unlimited }
            #expect(try revoke(client, 3).status == 204)
        }
    }

    @Test func isDrivenFromAnotherProcess() throws {
        try withStub { (stub, client) throws in
            #expect(try client.request("POST", "/stub/fault?status=403&latency=1", body: "").status == 204)
            #expect(try revoke(client, 9).status == 403)
            #expect(
                try client.request("POST", "/stub/fault?status=none&contract=9&contract-status=409", body: "").status
                    == 204)
            #expect(try revoke(client, 9).status == 409)
            #expect(
                try client.request(
                    "POST", "/stub/fault?contract=9&contract-status=none&budget=1%2F1h&retry-after=7", body: ""
                ).status
                    == 204)
            #expect(try revoke(client, 9).status == 204)
            #expect(try revoke(client, 9).header("Retry-After") == "7")
            #expect(
                try client.request("GET", "/stub/counts").body
                    == "{\"calls\":4,\"by_status\":{\"204\":1,\"403\":1,\"409\":1,\"429\":1},"
                    + "\"requests\":{\"revoke_all\":4,\"list\":0,\"revoke_one\":0,\"regenerate\":0,\"other\":0},"
                    + "\"contracts\":{\"9\":{\"204\":1,\"403\":1,\"409\":1,\"429\":1}}}\n")
            #expect(try client.request("GET", "/stub/credentials?contract=9").body.contains("\"revoked\""))
            #expect(try client.request("POST", "/stub/reset", body: "").status == 204)
            #expect(stub.counts == StubCounts())
            #expect(
                try client.request("POST", "/stub/fault?key=new&budget=unlimited&outage=none", body: "").status == 204)
            #expect(try revoke(client, 9).status == 401)
            // A page comes before the look at the key.
            #expect(try client.request("POST", "/stub/fault?page=403&page-every=2", body: "").status == 204)
            let answers = try [revoke(client, 9), revoke(client, 9), revoke(client, 9), revoke(client, 9)]
            #expect(answers.map(\.status) == [401, 403, 401, 403])
            #expect(answers[0].header("Content-Type") == "application/json")
            #expect(answers[1].header("Content-Type") == "text/html" && answers[1].body.hasPrefix("<html>"))
            #expect(try client.request("POST", "/stub/fault?page=none", body: "").status == 204)
            #expect(try revoke(client, 9).status == 401)
        }
    }

    @Test(arguments: [
        "latency=x", "outage=on", "status=20", "contract=1", "budget=5", "retry-after=-1", "key=", "x=1", "page=x",
        "page=403&page-every=0", "page-every=2",
    ])
    func aWrongFaultChangesNothing(query: String) throws {
        try withStub { (stub, client) throws in
            let answer = try client.request("POST", "/stub/fault?latency=77&\(query)", body: "")
            #expect(answer.status == 400)
            #expect(stub.faults == StubFaults())
        }
    }

    @Test func waitsForCounts() throws {
        try withStub({ $0.faults.latency = 5 }) { (stub, client) throws in
            try client.send(
                "POST \(Self.base)/3/credentials/revoke HTTP/1.1\r\nHost: a\r\nX-PARTNER-APIKEY: \(Self.key)\r\n"
                    + "Content-Length: 0\r\n\r\n")
            #expect(stub.wait(upTo: 20_000) { $0.calls(3, status: 204) == 1 })
            #expect(!stub.wait(upTo: 1) { $0.calls(4) == 1 })
        }
    }

    @Test func startsAgainOnItsPort() throws {
        let stub = APIStub(APIStub.Options(key: Self.key))
        #expect(stub.port == 0)
        try stub.start()
        let port = stub.port
        #expect(stub.baseURL == "http://127.0.0.1:\(port)/partner-subscription/api/v1")
        #expect(try revoke(try RawClient(port: port), 1).status == 204)
        stub.stop()
        #expect(throws: RawClient.Failure.self) { try RawClient(port: port) }
        try stub.start()
        defer { stub.stop() }
        #expect(stub.port == port)
        #expect(try revoke(try RawClient(port: port), 1).status == 204)
        #expect(stub.calls(1) == 2)
    }

    @Test func writesTimesAsTheAPIDoes() {
        #expect(StubTime.text(0) == "1970-01-01 00:00:00")
        #expect(StubTime.text(1_780_322_400_000) == "2026-06-01 14:00:00")
        #expect(StubTime.text(1_709_164_799_999) == "2024-02-28 23:59:59")
        #expect(StubTime.text(1_709_164_800_000) == "2024-02-29 00:00:00")
        #expect(StubTime.text(1_735_689_599_000) == "2024-12-31 23:59:59")
    }
}
