import RevokeClient
import RevokeModel
import Testing
import WorkerTestKit

/// Every status of the table, over the wire.
@Suite struct OutcomeTests {
    @Test(
        arguments: [
            (204, .revoked),
            (400, .misdirected(status: 400, mayEndAlone: true)), (403, .misdirected(status: 403, mayEndAlone: true)),
            (404, .misdirected(status: 404, mayEndAlone: true)), (410, .misdirected(status: 410, mayEndAlone: true)),
            (422, .misdirected(status: 422, mayEndAlone: true)),
            (401, .unauthorized(keyVersion: 1)),
            (408, .transient(status: 408)), (421, .transient(status: 421)), (425, .transient(status: 425)),
            (409, .misdirected(status: 409, mayEndAlone: true)), (423, .misdirected(status: 423, mayEndAlone: true)),
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

    /// What can be about the contract is the API's word only as a whole JSON object of that media type. The body is read to
    /// its end: of one that is cut off nobody knows what it is.
    @Test(
        arguments: [
            ("application/json", "{}", true), ("Application/JSON; charset=utf-8", " {\"a\":[1,null]} \r\n", true),
            ("application/problem+json", #"{"type":"about:blank","status":404}"#, true),
            ("application/vnd.digicert.v1+json;a=b", #"{"errors":[{"code":"x"}]}"#, true),
            ("application/json; p=" + String(repeating: "a", count: 100), "{}", true),
            // Another media type, none, or two.
            ("text/html", "{}", false), ("text/plain", "{}", false), ("text/json", "{}", false), ("", "{}", false),
            ("application/jsonp", "{}", false), ("application/x-json", "{}", false), ("json", "{}", false),
            ("application/+json", "{}", false), ("application/a/b+json", "{}", false),
            ("application/a b+json", "{}", false),
            ("application/" + String(repeating: "a", count: 100) + "+json", "{}", false),
            ("application/json\r\nContent-Type: text/html", "{}", false),
            ("application/json, text/html", "{}", false),
            // No object.
            ("application/json", "", false), ("application/json", "<html>blocked</html>", false),
            ("application/json", "[]", false), ("application/json", "\"no\"", false),
            ("application/json", "null", false),
            ("application/json", "{}{}", false), ("application/json", "{} x", false),
            ("application/json", "{\"a\":1", false),
            ("application/json", "{'a':1}", false), ("application/json", "{\"a\":01}", false),
            ("application/json", "\u{feff}{}", false),
            (
                "application/json", String(repeating: "{\"a\":", count: 40) + "1" + String(repeating: "}", count: 40),
                false
            ),
            // 16 KiB are read, and not a byte more.
            ("application/json", "{\"a\":\"" + String(repeating: "x", count: 16_384 - 8) + "\"}", true),
            ("application/json", "{\"a\":\"" + String(repeating: "x", count: 16_384 - 7) + "\"}", false),
        ] as [(String, String, Bool)])
    func verdictOrPage(_ mediaType: String, _ body: String, _ isVerdict: Bool) async throws {
        let header = mediaType.isEmpty ? "" : "Content-Type: \(mediaType)\r\n"
        for status in [400, 403, 404, 410, 422, 409, 423] {
            let server = try ScriptedServer(
                answering("HTTP/1.1 \(status) X\r\n\(header)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"))
            let outcome = try await call(account(server.url)).outcome
            switch outcome {
            case .rejected(status, _, nil): #expect(isVerdict && status != 409 && status != 423)
            case .conflict(status): #expect(isVerdict && (status == 409 || status == 423))
            case .misdirected(status, true): #expect(!isVerdict)
            default: Issue.record("\(status) became \(outcome)")
            }
        }
    }

    /// A permanent answer that asks to wait says so.
    @Test func rejectedWithRetryAfter() async throws {
        let server = try ScriptedServer(
            answering(
                "HTTP/1.1 403 X\r\nRetry-After: 5\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"))
        let outcome = try await call(account(server.url)).outcome
        #expect(outcome == .rejected(status: 403, code: nil, retryAfter: 5_000))
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
            // The obsolete forms of a date.
            (
                "Date: Wednesday, 25-Nov-26 10:00:00 GMT\r\nRetry-After: Wednesday, 25-Nov-26 10:02:30 GMT", 150_000
            ),
            ("Date: Wed Nov 25 10:00:00 2026\r\nRetry-After: Wed, 25 Nov 2026 10:02:30 GMT", 150_000),
            ("Date: Sun, 01 Nov 2026 10:00:00 GMT\r\nRetry-After: Sun Nov  1 10:02:30 2026", 150_000),
            ("Date: Wed, 25 Nov 2026 10:00:00 GMT\r\nRetry-After: Wed, 25-Nov-26 10:02:30 GMT", nil),
            ("Date: Wed, 25 Nov 2026 10:00:00 GMT\r\nRetry-After: Wed, 25 Nov 2026 10:02:30 CET", nil),
            ("Date: Wed, 25 Nov 2026 10:00:00 GMT\r\nRetry-After: Wed, 31 Nov 2026 10:02:30 GMT", nil),
            ("Date: Wed, 25 Nov 2026 10:00:00 GMT\r\nRetry-After: Wed Nov 25 10.02.30 2026", nil),
            ("Date: Wed, 25 Nov 2026 10:00:00 GMT\r\nRetry-After: ,", nil),
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
            (#"{"errors":[{"code":"two words"}]}"#, nil), (#"{"errors":[{"code":""}]}"#, nil),
            (#"{"errors":[{"code":5}]}"#, nil), (#"{"errors":[]}"#, nil), (#"{"errors":{"code":"x"}}"#, nil),
            (#"{"code":"x"}"#, nil), (#"{"error":"x"}"#, nil), (#"{"error":null,"errors":[{"code":"c"}]}"#, nil),
            (#"{"errors":[{"code":"0a1b2c3d4e5f60718293a4b5c6d7e8f9"}]}"#, nil),
        ] as [(String, String?)])
    func errorCode(_ body: String, _ code: String?) async throws {
        let server = try ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write(
                "HTTP/1.1 403 \(secret)\r\nLocation: /\(secret)\r\nContent-Type: application/json\r\n"
                    + "Connection: close\r\n\r\n\(body)")
        }
        let outcome = try await call(account(server.url)).outcome
        #expect(outcome == .rejected(status: 403, code: code.flatMap { ErrorCode($0) }))
    }

    /// The forms in which a server can give a key back. Digits and capitals are not in the form of words; a key that is
    /// made of small letters alone is found in both directions and behind separators.
    @Test(
        arguments: [
            // As it is, reversed, in hex, in base64 with and without padding, for a URL, in base32, with dashes.
            ("0a1b2c3d4e5f60718293a4b5c6d7e8f9", "0a1b2c3d4e5f60718293a4b5c6d7e8f9"),
            ("0a1b2c3d4e5f60718293a4b5c6d7e8f9", "9f8e7d6c5b4a39281706f5e4d3c2b1a0"),
            ("0a1b2c3d4e5f60718293a4b5c6d7e8f9", "3061316232633364346535663630373138"),
            ("0a1b2c3d4e5f60718293a4b5c6d7e8f9", "MGExYjJjM2Q0ZTVmNjA3MTgyOTNhNGI1YzZk"),
            ("0a1b2c3d4e5f60718293a4b5c6d7e8f9", "mgexyjjjm2q0ztvmnja3mtgyotnhngi1yzzk"),
            ("abcdefgh-key", "YWJjZGVmZ2gta2V5"), ("abcdefgh-key", "MFRGGZDFMZTWQLLLMV4Q"),
            ("0a1b2c3d4e5f60718293a4b5c6d7e8f9", "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"),
            // A key of letters.
            ("qwertzuiopasdfgh", "qwertzuiopasdfgh"), ("qwertzuiopasdfgh", "key_wertzuio_bad"),
            ("qwertzuiopasdfgh", "hgfdsapoiuztrewq"), ("qwertzuiopasdfgh", "q-w-e-r-t-z-u-i-o"),
            ("qwertzuiopasdfgh", "qwert_zuiop.asdfgh"), ("qwertzuiopasdfgh", "hgfd-sapo-iuzt-rewq"),
            ("QwertzUiopAsdfgh", "qwertzuiopasdfgh"), ("qwert-zuiop-asdfgh", "qwertzuiopasdfgh"),
            ("short", "key.short.x"), ("short", "trohs"),
        ])
    func keyInAnotherForm(_ key: String, _ code: String) async throws {
        let body = #"{"errors":[{"code":"\#(code)"}]}"#
        let server = try ScriptedServer(
            answering(
                "HTTP/1.1 404 X\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        )
        let outcome = try await call(account(server.url, key: key)).outcome
        #expect(outcome == .rejected(status: 404, code: nil))
    }

    /// A piece of 7 is no sign of the key.
    @Test func codeBesideAKey() async throws {
        let body = #"{"error":{"code":"key_wertzui_bad"}}"#
        let server = try ScriptedServer(
            answering(
                "HTTP/1.1 404 X\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        )
        let outcome = try await call(account(server.url, key: "qwertzuiopasdfgh")).outcome
        #expect(outcome == .rejected(status: 404, code: ErrorCode("key_wertzui_bad")))
    }
}
