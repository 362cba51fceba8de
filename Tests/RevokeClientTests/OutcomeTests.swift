import RevokeClient
import RevokeModel
import Testing
import WorkerTestKit

/// Every status of the table, over the wire.
@Suite struct OutcomeTests {
    @Test(
        arguments: [
            (204, .revoked),
            (400, .rejected(status: 400, code: nil)), (403, .rejected(status: 403, code: nil)),
            (404, .rejected(status: 404, code: nil)), (410, .rejected(status: 410, code: nil)),
            (422, .rejected(status: 422, code: nil)),
            (401, .unauthorized(keyVersion: 1)),
            (408, .transient(status: 408)), (421, .transient(status: 421)), (425, .transient(status: 425)),
            (409, .conflict(status: 409)), (423, .conflict(status: 423)),
            (429, .rateLimited(retryAfter: nil)),
            (500, .unavailable(status: 500, retryAfter: nil)), (502, .unavailable(status: 502, retryAfter: nil)),
            (503, .unavailable(status: 503, retryAfter: nil)), (504, .unavailable(status: 504, retryAfter: nil)),
            (507, .unavailable(status: 507, retryAfter: nil)), (599, .unavailable(status: 599, retryAfter: nil)),
            (200, .misdirected(status: 200)), (201, .misdirected(status: 201)), (202, .misdirected(status: 202)),
            (205, .misdirected(status: 205)), (206, .misdirected(status: 206)),
            (301, .misdirected(status: 301)), (302, .misdirected(status: 302)), (304, .misdirected(status: 304)),
            (307, .misdirected(status: 307)), (308, .misdirected(status: 308)),
            (402, .misdirected(status: 402)), (405, .misdirected(status: 405)), (407, .misdirected(status: 407)),
            (411, .misdirected(status: 411)), (413, .misdirected(status: 413)), (415, .misdirected(status: 415)),
            (418, .misdirected(status: 418)), (426, .misdirected(status: 426)), (428, .misdirected(status: 428)),
            (431, .misdirected(status: 431)), (451, .misdirected(status: 451)), (499, .misdirected(status: 499)),
            (501, .misdirected(status: 501)), (505, .misdirected(status: 505)), (511, .misdirected(status: 511)),
        ] as [(Int, CallOutcome)])
    func status(_ status: Int, _ outcome: CallOutcome) async throws {
        let server = try ScriptedServer(answering("HTTP/1.1 \(status) X\r\nContent-Length: 0\r\n\r\n"))
        let result = try await call(account(server.url))
        #expect(result.outcome == outcome)
        #expect(result.keyVersion == 1)
        result.check(.answered)
        #expect(server.requests == 1)
    }

    @Test(
        arguments: [
            ("Retry-After: 7", 7_000), ("retry-after:   7 ", 7_000), ("Retry-After: 0", 0),
            ("Retry-After: 3\r\nRetry-After: 9\r\nRetry-After: 5", 9_000),
            ("Retry-After: -5\r\nRetry-After: 2", 2_000),
            ("Retry-After: 99999999999999999999999", 3_600_000), ("Retry-After: 7200", 3_600_000),
            ("Date: Wed, 25 Nov 2026 10:00:00 GMT\r\nRetry-After: Wed, 25 Nov 2026 10:02:30 GMT", 150_000),
            ("Retry-After: Wed, 25 Nov 2026 10:02:30 GMT\r\nDate: Wed, 25 Nov 2026 10:00:00 GMT", 150_000),
            ("Date: Wed, 25 Nov 2026 10:00:00 GMT\r\nRetry-After: Wed, 25 Nov 2026 09:00:00 GMT", 0),
            ("Retry-After: Wed, 25 Nov 2026 10:02:30 GMT", nil),
            ("Date: x\r\nRetry-After: Wed, 25 Nov 2026 10:02:30 GMT", nil),
            ("Retry-After: -5", nil), ("Retry-After: 1.5", nil), ("Retry-After: 120junk", nil), ("Retry-After:", nil),
            ("Retry-After: +5", nil), ("Retry-After: 1 2", nil), ("Retry-After: 0x10", nil), ("X-Retry-After: 5", nil),
        ] as [(String, Int64?)])
    func retryAfter(_ headers: String, _ delay: Int64?) async throws {
        for status in [429, 503] {
            let server = try ScriptedServer(
                answering("HTTP/1.1 \(status) X\r\n\(headers)\r\nContent-Length: 0\r\n\r\n"))
            let outcome = try await call(account(server.url)).outcome
            #expect(
                outcome
                    == (status == 429
                        ? .rateLimited(retryAfter: delay) : .unavailable(status: 503, retryAfter: delay)))
        }
    }

    @Test(
        arguments: [
            (#"{"errors":[{"code":"access_denied","message":"no"}]}"#, "access_denied"),
            (#"{"error":{"message":"no","code":"not-found.x"}}"#, "not-found.x"),
            (#"{"a":[1,{"code":"b"}],"errors":[{"x":{},"code":"c"},{"code":"d"}]}"#, "c"),
            // Cut off behind the code.
            (#"{"errors":[{"code":"access_denied","mess"#, "access_denied"),
            (#"{"errors":[{"code":"two words"}]}"#, nil), (#"{"errors":[{"code":""}]}"#, nil),
            (#"{"errors":[{"code":5}]}"#, nil), (#"{"errors":[]}"#, nil), (#"{"errors":{"code":"x"}}"#, nil),
            ("<html>no</html>", nil), (#"["code"]"#, nil), (#"{"code":"x"}"#, nil),
            // The key, a piece of 8 of it, and a piece of 7.
            (#"{"errors":[{"code":"0a1b2c3d4e5f60718293a4b5c6d7e8f9"}]}"#, nil),
            (#"{"errors":[{"code":"key_2c3d4e5f_bad"}]}"#, nil),
            (#"{"errors":[{"code":"key_2c3d4e5_bad"}]}"#, "key_2c3d4e5_bad"),
        ] as [(String, String?)])
    func errorCode(_ body: String, _ code: String?) async throws {
        let server = try ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 403 \(secret)\r\nLocation: /\(secret)\r\nConnection: close\r\n\r\n\(body)")
        }
        let outcome = try await call(account(server.url)).outcome
        #expect(outcome == .rejected(status: 403, code: code.flatMap { ErrorCode($0) }))
    }
}
