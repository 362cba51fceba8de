internal import Configuration
internal import Glibc

/// `revoke-worker health`: asks the health listener; for containers.
public enum HealthCommand {
    private static let flags = [
        CommandFlag("ready", "Ask whether the worker is ready, not only whether it is live.")
    ]

    /// Asks. Returns 0 when the answer is 200.
    public static func run(_ arguments: [String]) -> Int32 {
        let about = """
            Asks the health listener of a worker on this machine. Exit code 0: it is live (with --ready: ready);
            exit code 1: it is not, or nobody answers.
            """
        switch CommandContext.start("health", about: about, flags: flags, arguments: arguments, checks: .formOnly) {
        case .end(let code): return code
        case .go(let parsed, let arguments):
            let path = arguments.values["ready"] == nil ? "/livez" : "/readyz"
            let address = parsed.configuration.healthListen
            guard let answer = ask(address, path: path) else {
                Terminal.complain("error: no answer from \(address)\(path): is a worker running there?")
                return 1
            }
            Terminal.print(answer.text)
            return answer.status == 200 ? 0 : 1
        }
    }

    private static func ask(_ address: ListenAddress, path: String) -> (status: Int, text: String)? {
        var host = address.host
        if host == "0.0.0.0" { host = "127.0.0.1" }
        if host == "::" { host = "::1" }
        guard case .success(let descriptor) = TCPProbe.connect(host, address.port, isLiteral: true, seconds: 3) else {
            return nil
        }
        defer { close(descriptor) }
        let request = Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
        guard unsafe send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            return nil
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while bytes.count < 65_536 {
            let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let words = text.split(separator: " ", maxSplits: 2)
        guard words.count == 3, let status = Int(words[1]) else { return nil }
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: true)
        return (status, lines.last.map { String($0).filter { !$0.isNewline } } ?? "")
    }
}
