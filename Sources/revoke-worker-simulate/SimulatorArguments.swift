/// The command line of the simulator.
struct SimulatorArguments {
    /// What is wrong with a command line: the flag, and how to mend it.
    struct Misuse: Error {
        var text: String
    }

    /// The seeds to run, those of `skipped` among them.
    var seeds: ClosedRange<UInt64> = 0...0
    var skipped: Set<UInt64> = []
    var isTraced = false
    var showsCoverage = false
    var requiresCoverage = false
    var shrinks = true
    var keepsGoing = false
    var showsHash = false
    var isQuiet = false
    /// The files of `--check-recording`; with them no seed is run.
    var recordings: [String] = []
    /// The session timeout of the recordings' group in milliseconds.
    var sessionTimeout: Int64 = 15_000
    var showsHelp = false

    /// The most seeds of a run.
    private static let mostSeeds: UInt64 = 1 << 40

    /// Reads the arguments behind the program's name. Nothing else is read where `--help` stands.
    init(_ arguments: some Sequence<String>) throws(Misuse) {
        var rest = Array(arguments)[...]
        if rest.contains("--help") || rest.contains("-h") {
            showsHelp = true
            return
        }
        var values: [String: UInt64] = [:]
        // The first flag of each of the two uses: they exclude each other.
        var runFlag: String?
        var recordingFlag: String?
        var given: Set<String> = []
        while let flag = rest.popFirst() {
            guard flag.hasPrefix("--") else {
                throw Misuse(text: "\(Self.quote(flag)) is not a flag; write --seed N for a seed")
            }
            guard given.insert(flag).inserted else {
                throw Misuse(text: "\(flag): the flag stands twice; leave one of them out")
            }
            var isRunFlag = true
            switch flag {
            case "--seed", "--from": values[flag] = try Self.integer(flag, 0...UInt64.max, &rest)
            case "--seeds": values[flag] = try Self.integer(flag, 1...Self.mostSeeds, &rest)
            case "--skip": skipped = try Self.list(flag, &rest)
            case "--trace": isTraced = true
            case "--hash": showsHash = true
            case "--coverage": showsCoverage = true
            case "--require-coverage": requiresCoverage = true
            case "--no-shrink": shrinks = false
            case "--keep-going": keepsGoing = true
            case "--quiet": isQuiet = true
            case "--check-recording":
                isRunFlag = false
                while let file = rest.first, !file.hasPrefix("--") {
                    recordings.append(file)
                    rest.removeFirst()
                }
                guard !recordings.isEmpty else {
                    throw Misuse(text: "\(flag): the value is missing; write \(flag) FILE...")
                }
            case "--session-timeout":
                isRunFlag = false
                sessionTimeout = Int64(try Self.integer(flag, 1...3_600_000, &rest))
            default:
                throw Misuse(text: "\(Self.quote(flag)): there is no such flag; --help shows all of them")
            }
            if isRunFlag { runFlag = runFlag ?? flag } else { recordingFlag = recordingFlag ?? flag }
        }
        if let recordingFlag {
            guard !recordings.isEmpty else {
                throw Misuse(text: "\(recordingFlag): there is no recording; write --check-recording FILE... too")
            }
            if let runFlag {
                throw Misuse(text: "\(runFlag): no seed is run with --check-recording; leave one of them out")
            }
        }
        try takeSeeds(values)
    }

    private mutating func takeSeeds(_ values: [String: UInt64]) throws(Misuse) {
        if let seed = values["--seed"] {
            for other in ["--from", "--seeds"] where values[other] != nil {
                throw Misuse(text: "\(other): --seed runs one seed alone; leave one of them out")
            }
            seeds = seed...seed
        } else {
            let first = values["--from"] ?? 0
            let (last, overflows) = first.addingReportingOverflow((values["--seeds"] ?? 1) - 1)
            guard !overflows else {
                throw Misuse(text: "--seeds: the last seed is above \(UInt64.max); lower --from or --seeds")
            }
            seeds = first...last
        }
        let left = seeds.upperBound - seeds.lowerBound + 1 - UInt64(skipped.filter { seeds.contains($0) }.count)
        guard left > 0 else {
            throw Misuse(text: "--skip: no seed is left to run; leave out fewer")
        }
    }

    private static func value(
        _ flag: String, _ form: String, _ rest: inout ArraySlice<String>
    ) throws(Misuse) -> String {
        guard let value = rest.first, !value.hasPrefix("--") else {
            throw Misuse(text: "\(flag): the value is missing; write \(flag) \(form)")
        }
        rest.removeFirst()
        return value
    }

    private static func integer(
        _ flag: String, _ bounds: ClosedRange<UInt64>, _ rest: inout ArraySlice<String>
    ) throws(Misuse) -> UInt64 {
        let text = try value(flag, flag == "--session-timeout" ? "MS" : "N", &rest)
        guard let number = UInt64(text), bounds.contains(number) else {
            throw Misuse(
                text: "\(flag): \(quote(text)) does not fit; "
                    + "write an integer from \(bounds.lowerBound) to \(bounds.upperBound)")
        }
        return number
    }

    private static func list(_ flag: String, _ rest: inout ArraySlice<String>) throws(Misuse) -> Set<UInt64> {
        let text = try value(flag, "N,N", &rest)
        var numbers: Set<UInt64> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let number = UInt64(part) else {
                throw Misuse(
                    text: "\(flag): \(quote(String(part))) is not a seed; write seeds with commas between: 3,17")
            }
            numbers.insert(number)
        }
        return numbers
    }

    /// A text of the command line in quotes, without control characters.
    private static func quote(_ text: String) -> String {
        "\"" + String(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : Character($0) }) + "\""
    }
}
