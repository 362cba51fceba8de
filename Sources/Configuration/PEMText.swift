internal import RevokeModel

/// Looks into PEM (RFC 7468) without a TLS library: enough to tell a file of certificates from another one.
enum PEMText {
    /// How many certificates a text holds; nil when one of them has no end, no base64, or no DER sequence in it.
    static func certificates(_ bytes: [UInt8]) -> Int? {
        var count = 0
        var body: [UInt8]?
        for line in bytes.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            let text = line.filter { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
            if isMark(text, "-----BEGIN") {
                guard body == nil else { return nil }
                body = []
            } else if isMark(text, "-----END") {
                guard let letters = body, let content = Base64.decodePadded(letters), content.first == 0x30 else {
                    return nil
                }
                body = nil
                count += 1
            } else if body != nil {
                body?.append(contentsOf: text)
            }
        }
        return body == nil ? count : nil
    }

    /// Whether a line, its spaces taken out, begins or ends a certificate, by one of the three names that OpenSSL reads.
    private static func isMark(_ line: [UInt8], _ begin: String) -> Bool {
        guard line.starts(with: begin.utf8) else { return false }
        return ["CERTIFICATE", "TRUSTEDCERTIFICATE", "X509CERTIFICATE"].contains {
            line.dropFirst(begin.utf8.count).elementsEqual("\($0)-----".utf8)
        }
    }
}
