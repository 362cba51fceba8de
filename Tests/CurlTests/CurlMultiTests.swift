import Curl
import EventLoop
import Foundation
import Testing
import WorkerTestKit

@Suite struct CurlMultiTests {
    /// The exact bytes of a request, the second one on the same connection, and a GET after a POST on the same handle.
    @Test func wireBytes() async throws {
        let server = try ScriptedServer { connection in
            while connection.readRequest() != nil { connection.write("HTTP/1.1 204 No Content\r\n\r\n") }
        }
        let url = try BaseURL(server.url + "/api/v1")
        let ends: [TransferEnd] = await onLoop { loop, finish in
            let multi = try CurlMulti(loop: loop, options: .test(url), gateLimit: nil)
            let headers = try headerList("0123456789abcdef")
            let path = Array("/acme/12345/credentials/revoke".utf8)
            var ends: [TransferEnd] = []
            multi.start(.post, path: path, headers: headers) { first in
                ends.append(first.end)
                multi.start(.post, path: path, headers: headers) { second in
                    ends.append(second.end)
                    #expect(second.wasReused)
                    multi.start(.get, path: Array("/x".utf8), headers: headers) { third in
                        ends.append(third.end)
                        multi.start(.post, path: Array("/y".utf8), headers: headers) { fourth in
                            ends.append(fourth.end)
                            multi.close()
                            finish(ends)
                        }
                    }
                }
            }
        }
        let answered = TransferEnd.answered(status: 204, isBodyComplete: true)
        #expect(ends == [answered, answered, answered, answered])
        let post = { (path: String) in
            "POST /api/v1\(path) HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\nUser-Agent: test/1\r\n"
                + "X-PARTNER-APIKEY: 0123456789abcdef\r\nAccept: application/json\r\nContent-Length: 0\r\n\r\n"
        }
        let get =
            "GET /api/v1/x HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\nUser-Agent: test/1\r\n"
            + "X-PARTNER-APIKEY: 0123456789abcdef\r\nAccept: application/json\r\n\r\n"
        let revoke = post("/acme/12345/credentials/revoke")
        #expect(server.receivedText == [revoke + revoke + get + post("/y")])
    }

    /// 2,000 requests, 64 in flight, over pooled handles: each is answered, the server sees each once, and there are no
    /// more connections than requests in flight.
    @Test func manyInFlight() async throws {
        let server = try ScriptedServer { connection in
            while connection.readRequest() != nil { connection.write("HTTP/1.1 204 No Content\r\n\r\n") }
        }
        let url = try BaseURL(server.url)
        let good: Int = await onLoop { loop, finish in
            let multi = try CurlMulti(loop: loop, options: .test(url, connections: 64), gateLimit: nil)
            let headers = try headerList("0123456789abcdef")
            var started = 0
            var ended = 0
            var good = 0
            func startNext() {
                guard started < 2_000 else { return }
                started += 1
                multi.start(.post, path: Array("/\(started)".utf8), headers: headers) { result in
                    ended += 1
                    if result.end == .answered(status: 204, isBodyComplete: true) { good += 1 }
                    guard ended < 2_000 else {
                        multi.close()
                        return finish(good)
                    }
                    startNext()
                }
            }
            for _ in 0..<64 { startNext() }
        }
        #expect(good == 2_000)
        #expect(server.requests == 2_000)
        #expect(server.observation.connections <= 64)
    }

    /// Of an endless body 16 KiB are kept, then libcurl is stopped by the write callback (code 23), not by the deadline.
    @Test func endlessBody() async throws {
        let server = try ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 400 X\r\n\r\n")
            while connection.write([UInt8](repeating: 0x61, count: 65_536)) {}
        }
        let url = try BaseURL(server.url)
        let result: TransferResult = await onLoop { loop, finish in
            let multi = try CurlMulti(loop: loop, options: .test(url), gateLimit: nil)
            multi.start(.post, path: Array("/1".utf8), headers: try headerList("0123456789abcdef")) { result in
                multi.close()
                finish(result)
            }
        }
        #expect(result.end == .answered(status: 400, isBodyComplete: false))
        #expect(result.body.count == 16_384)
        #expect(result.code == 23)
    }

    /// `close()` with one request sent and one that waits for its connection's answer: each `done` is called.
    @Test func closeEndsAll() async throws {
        let isThere = Latch()
        let server = try ScriptedServer { connection in
            _ = connection.readRequest()
            isThere.open()
            connection.readToEnd()
        }
        let url = try BaseURL(server.url)
        let ends: [TransferEnd] = await onLoop { loop, finish in
            let multi = try CurlMulti(loop: loop, options: .test(url), gateLimit: nil)
            let headers = try headerList("0123456789abcdef")
            var ends: [TransferEnd] = []
            multi.start(.post, path: Array("/1".utf8), headers: headers) { ends.append($0.end) }
            let wakeup = try loop.makeWakeup {
                // Begun and not yet sent.
                multi.start(.post, path: Array("/2".utf8), headers: headers) { ends.append($0.end) }
                multi.close()
                multi.start(.post, path: Array("/3".utf8), headers: headers) { ends.append($0.end) }
                finish(ends)
            }
            Thread.detachNewThread {
                if isThere.waitOnThread() { wakeup.signal() }
            }
        }
        #expect(ends == [.ambiguous(.closed), .notSent(.closed), .notSent(.closed)])
    }

    /// The header list of a request lives as long as the request, and not longer.
    @Test func headerListIsHeld() async throws {
        let server = try ScriptedServer { connection in
            while connection.readRequest() != nil { connection.write("HTTP/1.1 204 No Content\r\n\r\n") }
        }
        let url = try BaseURL(server.url)
        let states: [Bool] = await onLoop { loop, finish in
            let multi = try CurlMulti(loop: loop, options: .test(url), gateLimit: nil)
            var headers: HeaderList? = try headerList("0123456789abcdef")
            weak let observed = headers
            var states: [Bool] = []
            if let headers {
                multi.start(.post, path: Array("/1".utf8), headers: headers) { _ in
                    states.append(observed != nil)
                    multi.close()
                    finish(states)
                }
            }
            headers = nil
            states.append(observed != nil)
        }
        #expect(states == [true, false])
    }
}

extension TransferOptions {
    static func test(_ url: BaseURL, connections: Int = 8) -> TransferOptions {
        TransferOptions(
            baseURL: url, deadline: 15_000, connectTimeout: 10_000, maximumConnections: connections,
            maximumIdleTime: 30_000, userAgent: "test/1")
    }
}

func headerList(_ key: String) throws -> HeaderList {
    try HeaderList(
        secret: "X-PARTNER-APIKEY", value: Array(key.utf8).span, plain: [("Accept", "application/json")],
        suppressed: ["Content-Type", "Expect"])
}

/// Runs a loop on a thread of its own until `finish` was called; a bound of 25 s ends it and records an issue.
func onLoop<R: Sendable>(
    _ body: @escaping @Sendable (EventLoop, @escaping (R) -> Void) throws -> Void
) async -> R {
    let result: R? = await withCheckedContinuation { continuation in
        let thread = Thread {
            var result: R?
            do {
                let loop = try EventLoop()
                let bound = try loop.makeTimer { loop.stop() }
                bound.start(after: 25_000)
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
    guard let result else { fatalError("the loop did not finish within its bound") }
    return result
}
