import Configuration
import Testing

/// The file that `ca-file` names.
@Suite struct CertificateFileTests {
    private static let begin = "-----BEGIN CERTIFICATE-----\n"
    private static let end = "-----END CERTIFICATE-----\n"
    /// An empty DER sequence.
    private static let certificate = begin + "MAA=\n" + end

    private static func read(_ text: String) throws -> Int {
        let path = "/tmp/revoke-worker-test-\(UInt64.random(in: 0...UInt64.max))"
        defer { TestFile.remove(path) }
        try TestFile.write(text, path)
        return try ConfigurationFiles.certificates(path)
    }

    @Test func certificatesAreCounted() throws {
        #expect(try Self.read(Self.certificate) == 1)
        #expect(try Self.read("# a comment\r\n" + Self.certificate + "\n" + Self.certificate) == 2)
        #expect(try Self.read(Self.certificate.replacing("\n", with: "\r\n")) == 1)
        #expect(try Self.read(Self.certificate.replacing("CERTIFICATE", with: "TRUSTED CERTIFICATE")) == 1)
        // A key beside the certificates is passed over, as TLS libraries do.
        #expect(
            try Self.read("-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n" + Self.certificate) == 1)
    }

    static let refused: [(String, String)] = [
        ("", "the file is empty"), ("\n", "holds no certificate"), ("hunter2", "holds no certificate"),
        ("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", "holds no certificate"),
        (begin + "MAA=\n", "is damaged"), (begin + "hunter2!\n" + end, "is damaged"), (begin + end, "is damaged"),
        (begin + "AAAA\n" + end, "is damaged"), (certificate + begin + certificate, "is damaged"),
        (end + certificate, "is damaged"),
    ]

    @Test(arguments: refused)
    func otherFilesAreRefused(text: String, message: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try Self.read(text) }
        #expect(error?.description.contains(message) == true, "\(String(describing: error))")
        #expect(error?.description.contains("hunter2") == false)
    }

    @Test func aFileThatIsMissing() {
        #expect(throws: ConfigurationError.self) { try ConfigurationFiles.certificates("/nonexistent/ca.pem") }
    }
}
