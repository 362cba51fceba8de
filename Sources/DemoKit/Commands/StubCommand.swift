internal import Configuration
internal import EventLoop
internal import Glibc
internal import RevokeWorker

/// `revoke-worker stub`: the API stub as a process of its own.
public enum StubCommand {
    private static let flags = [
        CommandFlag("listen", placeholder: "HOST:PORT", "Where to listen (default 127.0.0.1:8088)."),
        CommandFlag("latency", placeholder: "MS", "How long each answer takes, in milliseconds (default 0)."),
        CommandFlag("key", placeholder: "KEY", "The key that is accepted (default demo-key); never a real one."),
        CommandFlag("threads", placeholder: "N", "Threads that answer (default 1)."),
        CommandFlag("help", "Print this text and end."),
    ]

    /// Serves until SIGTERM or SIGINT. Returns the exit code.
    public static func run(_ arguments: [String]) -> Int32 {
        var options = APIStub.Options(key: "demo-key")
        options.port = 8088
        var rest = arguments[...]
        func usage(_ problem: String) -> Int32 {
            Terminal.complain("error: \(problem)")
            Terminal.complain(help)
            return Terminal.usageExit
        }
        while let argument = rest.popFirst() {
            if argument == "--help" || argument == "-h" {
                Terminal.print(help)
                return 0
            }
            let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
            guard let name = parts.first, flags.contains(where: { "--" + $0.name == name }) else {
                return usage("\(argument): there is no such flag")
            }
            guard let value = parts.count == 2 ? parts[1] : rest.popFirst() else {
                return usage("\(name): the value is missing")
            }
            switch name {
            case "--listen":
                guard let colon = value.lastIndex(of: ":"), let port = UInt16(value[value.index(after: colon)...])
                else {
                    return usage("--listen: write HOST:PORT with a literal address")
                }
                options.address = String(value[..<colon].filter { $0 != "[" && $0 != "]" })
                options.port = port
            case "--latency":
                guard let latency = Int64(value), (0...600_000).contains(latency) else {
                    return usage("--latency: an integer from 0 to 600000 is needed")
                }
                options.faults.latency = latency
            case "--threads":
                guard let threads = Int(value), (1...64).contains(threads) else {
                    return usage("--threads: an integer from 1 to 64 is needed")
                }
                options.threads = threads
            default: options.key = value
            }
        }
        return serve(options)
    }

    private static var help: String {
        "usage: revoke-worker stub [flags]\n\nServes DigiCert's documented endpoints for tests and demos; /stub/counts shows what was called.\n\nFlags:\n"
            + flags.map { flag in
                "  --\(flag.name)\(flag.placeholder.map { " \($0)" } ?? "")\n        \(flag.help)"
            }.joined(separator: "\n")
    }

    private static func serve(_ options: APIStub.Options) -> Int32 {
        let stub = APIStub(options)
        do {
            let loop = try EventLoop()
            try stub.start()
            for number in [SIGTERM, SIGINT] { _ = try loop.onSignal(number, oneShot: true) { loop.stop() } }
            let wakeup = try loop.makeWakeup {}
            Terminal.print("listening \(stub.baseURL)")
            loop.run()
            wakeup.close()
            stub.stop()
            Terminal.print(String(stub.counts.json.dropLast()))
            return 0
        } catch {
            Terminal.complain("error: \(options.address):\(options.port): \(error)")
            return 1
        }
    }
}
