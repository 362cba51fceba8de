import Testing

@testable import Curl

@Suite struct BaseURLTests {
    @Test(arguments: [
        "https://www.digicert.com/partner-subscription/api/v1", "https://h", "https://h:8443/a",
        "https://h:443/a~b_c.d",
        "https://1.2.3.4/v1", "https://[2001:db8::1]:8443/v1", "http://127.0.0.1:8080", "http://127.9.9.9/v1",
        "http://localhost:1/v1", "http://[::1]:65535/v1", "https://A-b.example/v1", "https://h/...", "https://x1",
    ])
    func accepted(_ text: String) throws {
        let url = try BaseURL(text)
        #expect(url.text == text)
        #expect(text.hasSuffix(url.path))
    }

    @Test(
        arguments: [
            ("", .empty), ("h/v1", .scheme), ("HTTPS://h/v1", .scheme), ("ftp://h/v1", .scheme), ("https:/h", .scheme),
            ("https:///x", .hostMissing), ("https://", .hostMissing), ("https://:80/x", .hostMissing),
            ("http://h/v1", .plainHTTP), ("http://127.0.0.1.example/v1", .plainHTTP),
            ("https://user@h/v1", .userInformation), ("https://u:p@h/v1", .userInformation),
            ("https://h/v1?", .query), ("https://h/v1?a=b", .query), ("https://h/v1#", .fragment),
            ("https://h%41/v1", .host), ("https://0x7f.1/v1", .host), ("https://2130706433/v1", .host),
            ("https://127.1/v1", .host), ("https://h_x/v1", .host), ("https://-h/v1", .host), ("https://h./v1", .host),
            ("https://h..x/v1", .host), ("https://[fe80::1%25eth0]/v1", .host), ("https://[::1/v1", .host),
            ("https://[::1]x/v1", .host), ("https://1.2.3.256/v1", .host), ("https://01.2.3.4/v1", .host),
            ("https://h:/v1", .port), ("https://h:0/v1", .port), ("https://h:65536/v1", .port),
            ("https://h:0443/v1", .port), ("https://h:+1/v1", .port), ("https://h:80x/v1", .port),
            ("https://h/v1/", .slashAtEnd), ("https://h/", .slashAtEnd), ("https://h//v1", .emptySegment),
            ("https://h/./v1", .dotSegment), ("https://h/a/..", .dotSegment),
            ("https://h/%2e%2e", .pathCharacter(position: 11)), ("https://h/a;b", .pathCharacter(position: 12)),
            ("https://h/a b", .character(position: 12)), ("https://h/\n", .character(position: 11)),
            ("https://hö/v1", .character(position: 10)),
        ] as [(String, BaseURLError)])
    func refused(_ text: String, _ error: BaseURLError) {
        #expect(throws: error) { try BaseURL(text) }
    }

    @Test func plainHTTPWhereAllowed() throws {
        #expect(try BaseURL("http://h:8080/v1", allowPlainHTTP: true).isHTTPS == false)
    }

    @Test func tooLong() {
        #expect(throws: BaseURLError.tooLong) { try BaseURL("https://h/" + String(repeating: "a", count: 2_000)) }
    }

    @Test func messagesHoldNothingOfTheText() {
        for text in ["https://secret@h", "https://h/secret secret", "https://h:secret/v1"] {
            do {
                _ = try BaseURL(text)
                Issue.record("accepted")
            } catch {
                #expect(!"\(error)".contains("secret"))
            }
        }
    }
}
