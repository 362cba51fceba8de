import CCurlShims
import Testing

@Suite struct StatusLineTests {
    @Test(arguments: [
        ("HTTP/1.1 204 No Content\r\n", 204), ("HTTP/1.0 200 OK\r\n", 200), ("HTTP/1.1 204\r\n", 204),
        ("HTTP/1.1 204 \r\n", 204), ("HTTP/1.1 599 x\n", 599), ("HTTP/2 204 \r\n", 0), ("HTTP/2.0 204 \r\n", 0),
        ("HTTP/1.1 100", 100),
        ("HTTP/1.1 2040 No Content\r\n", 0), ("HTTP/1.1 20\r\n", 0), ("HTTP/1.1  204 x\r\n", 0),
        ("HTTP/1.2 204 x\r\n", 0), ("HTTP/11 204 x\r\n", 0), ("http/1.1 204 x\r\n", 0), ("HTTP/1.1 099 x\r\n", 0),
        ("HTTP/1.1 600 x\r\n", 0), ("HTTP/1.1 -04 x\r\n", 0), ("HTTP/1.1\t204 x\r\n", 0), ("HTTP/1.1 204x\r\n", 0),
        ("", 0), ("HTTP/1.1", 0), ("HTTP/1.1 ", 0),
    ])
    func parsed(_ line: String, _ status: Int) {
        let bytes = Array(line.utf8)
        let parsed = unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe bytes.baseAddress.map { unsafe ccurl_parse_status_line($0, bytes.count) } ?? 0
        }
        #expect(Int(parsed) == status)
    }
}
