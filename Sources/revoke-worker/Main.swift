import Curl
import DemoKit
import RevokeWorker

/// The command line: the first argument names a command.
@main
enum RevokeWorkerMain {
    static let usage = """
        usage: revoke-worker COMMAND [flags]

          run       consume events and revoke credentials
          check     look at configuration, broker, topics, key and host; changes nothing
          health    ask the health listener of a worker on this machine
          publish   write an event to the topic
          stub      serve the API's endpoints for tests and demos
          demo      see it all work: an in-process broker, the stub, a worker
          version   print the version

        revoke-worker COMMAND --help shows a command's flags.
        """

    static func main() {
        // Before any other thread runs. A libcurl that cannot be used is refused by the commands that need it.
        try? CurlGlobal.initializeWithWipingAllocator()
        var arguments = Array(CommandLine.arguments.dropFirst())
        let command = arguments.isEmpty ? "" : arguments.removeFirst()
        let code: Int32
        switch command {
        case "run": code = RunCommand.run(arguments)
        case "check": code = CheckCommand.run(arguments)
        case "health": code = HealthCommand.run(arguments)
        case "publish": code = PublishCommand.run(arguments)
        case "stub": code = StubCommand.run(arguments)
        case "demo": code = DemoCommand.run(arguments)
        case "version" where !arguments.isEmpty, "--version" where !arguments.isEmpty:
            Terminal.complain("error: \(command) takes no arguments")
            Terminal.complain(usage)
            code = Terminal.usageExit
        case "version", "--version":
            Terminal.print("revoke-worker \(WorkerVersion.text)")
            code = 0
        case "help", "--help", "-h":
            Terminal.print(usage)
            code = 0
        default:
            Terminal.complain(command.isEmpty ? "error: a command is missing" : "error: there is no command \(command)")
            Terminal.complain(usage)
            code = Terminal.usageExit
        }
        // `exit` waits for libuv's threads; nothing is left to be done here.
        ProcessSettings.exitAtOnce(code)
    }
}
