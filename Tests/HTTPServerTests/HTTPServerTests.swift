import Foundation
import HTTPServer
import Testing
import WorkerTestKit

@Suite struct HTTPServerTests {
    private static func echo(_ request: HTTPRequest) -> HTTPResponse {
        let query = request.query.map { "\($0.name)=\($0.value)" }.joined(separator: ";")
        let text =
            "\(request.method) \(request.path) [\(query)] \(request.header("x-test") ?? "-") \(request.body.count)"
        return HTTPResponse(status: 200, text: text)
    }

    @Test(arguments: ["127.0.0.1", "::1"]) func servesAnAddressOnAPortOfTheSystemsChoice(address: String) throws {
        let server = try HTTPServer(address: address, port: 0, handler: Self.echo)
        defer { server.stop() }
        #expect(server.port != 0)
        let client = try RawClient(address: address, port: server.port)
        let answer = try client.request(
            "GET", "/a%2Fb?x=1%202&y=a+b&flag&z=%4", headers: ["X-Test: value", "X-TEST: second"])
        #expect(answer.status == 200)
        #expect(answer.body == "GET /a%2Fb [x=1 2;y=a b;flag=;z=%4] value 0")
        #expect(answer.header("Content-Type") == "text/plain; charset=utf-8")
    }

    @Test func keepsAConnectionForManyRequests() throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0, handler: Self.echo)
        defer { server.stop() }
        let client = try RawClient(port: server.port)
        for number in 0..<50 {
            #expect(try client.request("POST", "/\(number)", body: "").body == "POST /\(number) [] - 0")
        }
        // Two requests in one write are answered in order.
        try client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.answer().body == "GET /1 [] - 0")
        #expect(try client.answer().body == "GET /2 [] - 0")
    }

    @Test func answersWithoutABody() throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0) { _ in HTTPResponse(status: 204) }
        defer { server.stop() }
        let client = try RawClient(port: server.port)
        for _ in 0..<2 {
            let answer = try client.request("POST", "/", body: "")
            #expect(answer.status == 204)
            #expect(answer.header("Content-Length") == nil)
        }
    }

    @Test func readsBodiesUpToTheLimit() throws {
        let limits = HTTPServer.Limits(body: 1_000)
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits, handler: Self.echo)
        defer { server.stop() }
        let client = try RawClient(port: server.port)
        #expect(try client.request("POST", "/", body: String(repeating: "x", count: 1_000)).body == "POST / [] - 1000")
        let larger = try RawClient(port: server.port)
        #expect(try larger.request("POST", "/", body: String(repeating: "x", count: 1_001)).status == 413)
        // A body without a length is cut off by closing.
        let chunked = try RawClient(port: server.port)
        try chunked.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        try chunked.send("3E8\r\n\(String(repeating: "x", count: 1_000))\r\n1\r\nx\r\n")
        #expect(try chunked.isClosedWithoutAnswer())
    }

    @Test func closesWithoutAnAnswer() throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0) { request in
            HTTPResponse(status: 200, delay: request.path == "/late" ? 1 : 0, closesConnection: true)
        }
        defer { server.stop() }
        for path in ["/now", "/late"] {
            let client = try RawClient(port: server.port)
            try client.send("POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            #expect(try client.isClosedWithoutAnswer())
        }
    }

    @Test func delayedAnswersHoldNoThread() throws {
        // One thread, and each answer is delayed by more than a test can wait for one after the other: all 64 are
        // suspended at the same time before the first is sent.
        let arrived = Arrivals()
        let server = try HTTPServer(address: "127.0.0.1", port: 0) { _ in
            arrived.add()
            return HTTPResponse(status: 204, delay: 300)
        }
        defer { server.stop() }
        let clients = try (0..<64).map { _ in try RawClient(port: server.port) }
        for round in 1...2 {
            for client in clients { try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n") }
            #expect(arrived.wait(for: 64 * round))
            for client in clients { #expect(try client.answer().status == 204) }
        }
    }

    @Test func answersInTheOrderOfTheirDelays() throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0) { request in
            HTTPResponse(status: 204, delay: Int64(request.parameter("delay") ?? "0") ?? 0)
        }
        defer { server.stop() }
        let slow = try RawClient(port: server.port)
        try slow.send("GET /?delay=86400000 HTTP/1.1\r\nHost: a\r\n\r\n")
        // The thread that waits for the slow one must be woken for the earlier one.
        let fast = try RawClient(port: server.port)
        #expect(try fast.request("GET", "/?delay=5").status == 204)
        #expect(try fast.request("GET", "/").status == 204)
    }

    @Test func stopSendsDelayedAnswersAtOnceAndCloses() throws {
        let arrived = Arrivals()
        let server = try HTTPServer(address: "127.0.0.1", port: 0) { _ in
            arrived.add()
            return HTTPResponse(status: 200, headers: [], body: Array("late".utf8), delay: 86_400_000)
        }
        let idle = try RawClient(port: server.port)
        let waiting = try RawClient(port: server.port)
        try waiting.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(arrived.wait(for: 1))
        server.stop(grace: 20_000)
        server.stop()
        #expect(try waiting.answer().body == "late")
        #expect(try waiting.isClosedWithoutAnswer())
        #expect(try idle.isClosedWithoutAnswer())
        #expect(throws: RawClient.Failure.self) { try RawClient(port: server.port) }
    }

    @Test func stopsWithClientsThatAreGone() throws {
        let arrived = Arrivals()
        let server = try HTTPServer(address: "127.0.0.1", port: 0) { _ in
            arrived.add()
            return HTTPResponse(status: 204, delay: 86_400_000)
        }
        for number in 1...8 {
            let client = try RawClient(port: server.port)
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(arrived.wait(for: number))
        }
        server.stop()
    }

    @Test func servesNoMoreConnectionsThanTheLimit() throws {
        let limits = HTTPServer.Limits(connections: 2)
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits, handler: Self.echo)
        defer { server.stop() }
        var first: RawClient? = try RawClient(port: server.port)
        let second = try RawClient(port: server.port)
        #expect(try first?.request("GET", "/").status == 200)
        #expect(try second.request("GET", "/").status == 200)
        // The third waits in the system's queue until a place is free.
        let third = try RawClient(port: server.port)
        try third.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        first = nil
        #expect(try third.answer().status == 200)
    }

    @Test func closesAnIdleConnection() throws {
        let limits = HTTPServer.Limits(idleTimeout: 1)
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits, handler: Self.echo)
        defer { server.stop() }
        let client = try RawClient(port: server.port)
        #expect(try client.request("GET", "/").status == 200)
        #expect(try client.isClosedWithoutAnswer())
    }

    @Test(arguments: ["GET / HTTP/1.1\r\n\r\n", "nonsense\r\n\r\n", "GET /a b HTTP/9.9\r\n\r\n"])
    func neverGivesBrokenRequestsToTheHandler(text: String) throws {
        let arrived = Arrivals()
        let server = try HTTPServer(address: "127.0.0.1", port: 0) { _ in
            arrived.add()
            return HTTPResponse(status: 200)
        }
        defer { server.stop() }
        let client = try RawClient(port: server.port)
        try client.send(text)
        if let answer = try? client.answer() { #expect(answer.status >= 400) }
        #expect(arrived.count == 0)
    }

    @Test func refusesAHeadOverTheLimit() throws {
        let limits = HTTPServer.Limits(head: 2_048)
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits, handler: Self.echo)
        defer { server.stop() }
        let client = try RawClient(port: server.port)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Long: \(String(repeating: "x", count: 8_192))\r\n\r\n")
        if let answer = try? client.answer() { #expect(answer.status == 431 || answer.status == 400) }
    }

    @Test func leavesOutAHeaderThatWouldSplitTheAnswer() throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0) { _ in
            HTTPResponse(
                status: 200,
                headers: [
                    HTTPRequest.Field(name: "X-Bad", value: "a\r\nX-Injected: b"),
                    HTTPRequest.Field(name: "X-Good", value: "c"),
                ])
        }
        defer { server.stop() }
        let answer = try RawClient(port: server.port).request("GET", "/")
        #expect(answer.header("X-Injected") == nil)
        #expect(answer.header("X-Good") == "c")
    }

    @Test func severalThreadsServe() throws {
        let limits = HTTPServer.Limits(threads: 2)
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits, handler: Self.echo)
        let clients = try (0..<8).map { _ in try RawClient(port: server.port) }
        for client in clients { #expect(try client.request("GET", "/").status == 200) }
        server.stop()
    }

    @Test(arguments: ["localhost", "127.0.0.1:80", "", "[::1]", "300.1.1.1"])
    func refusesWhatIsNoAddress(address: String) {
        #expect(throws: HTTPServerError.addressInvalid(address)) {
            try HTTPServer(address: address, port: 0, handler: Self.echo)
        }
    }

    @Test func saysWhyItCannotListen() throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0, handler: Self.echo)
        defer { server.stop() }
        let error = #expect(throws: HTTPServerError.self) {
            try HTTPServer(address: "127.0.0.1", port: server.port, handler: Self.echo)
        }
        #expect(
            error.map { "\($0)" } == "cannot listen on 127.0.0.1 port \(server.port): Address already in use")
    }
}

/// Counts across threads; a wait is bounded by 20 s.
private final class Arrivals: Sendable {
    private let condition = Guarded()

    private final class Guarded: @unchecked Sendable {
        let lock = NSCondition()
        var count = 0
    }

    func add() {
        condition.lock.lock()
        condition.count += 1
        condition.lock.broadcast()
        condition.lock.unlock()
    }

    var count: Int {
        condition.lock.lock()
        defer { condition.lock.unlock() }
        return condition.count
    }

    func wait(for count: Int) -> Bool {
        let limit = Date(timeIntervalSinceNow: 20)
        condition.lock.lock()
        defer { condition.lock.unlock() }
        while condition.count < count {
            if !condition.lock.wait(until: limit) { return false }
        }
        return true
    }
}
