// The parser of the configuration over any file: it ends with a configuration, which can be printed, or with errors.
import Configuration

/// libFuzzer calls this with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    let file = ConfigurationParser.File(path: "fuzz.yaml", bytes: bytes)
    let parser = ConfigurationParser()
    for checks in [ConfigurationParser.Checks.full, .formOnly] {
        do {
            let parsed = try parser.parse(file: file, checks: checks)
            guard !ConfigurationPrinter.yaml(parsed.configuration).isEmpty else { fatalError("nothing is printed") }
        } catch {
            guard !error.problems.isEmpty else { fatalError("an error without a problem") }
            for problem in error.problems { _ = "\(problem)" }
        }
    }
    return 0
}
