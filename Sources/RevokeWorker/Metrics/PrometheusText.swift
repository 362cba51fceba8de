/// Writes metrics in Prometheus's text exposition format 0.0.4.
///
/// Source: "Exposition formats" of the Prometheus documentation: lines end in a line feed, a label's value escapes
/// backslash, quote and line feed, a help text backslash and line feed.
public struct PrometheusText: Sendable {
    /// The kinds of metrics that are written.
    public enum Kind: String, Sendable {
        /// Only rises, until the process starts anew.
        case counter
        /// Rises and falls.
        case gauge
        /// Counts observations in buckets.
        case histogram
    }

    /// The value of the header `Content-Type` of such a text.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// What was written so far.
    public private(set) var bytes: [UInt8] = []

    /// Makes an empty text.
    public init() {}

    /// Begins a family: the lines HELP and TYPE. All its samples must follow at once.
    public mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        append("# HELP ")
        append(name)
        append(" ")
        appendEscaped(help, quotes: false)
        append("\n# TYPE ")
        append(name)
        append(" ")
        append(kind.rawValue)
        append("\n")
    }

    /// Writes a sample with an integer.
    public mutating func sample(
        _ name: String, _ labels: KeyValuePairs<String, String> = [:], _ value: some BinaryInteger
    ) {
        begin(name, labels)
        append(String(value))
        append("\n")
    }

    /// Writes a sample whose value is given in milliseconds and written in seconds, Prometheus's base unit.
    public mutating func seconds(
        _ name: String, _ labels: KeyValuePairs<String, String> = [:], milliseconds: Int64
    ) {
        begin(name, labels)
        append(Self.seconds(milliseconds))
        append("\n")
    }

    /// Writes a whole family of one sample.
    public mutating func single(_ name: String, _ kind: Kind, _ help: String, _ value: some BinaryInteger) {
        family(name, kind, help)
        sample(name, [:], value)
    }

    /// Writes a whole family of a histogram, in seconds.
    public mutating func histogram(_ name: String, _ help: String, _ histogram: Histogram) {
        family(name, .histogram, help)
        var below: UInt64 = 0
        for (bound, count) in zip(Histogram.bounds, histogram.counts) {
            below += count
            sample(name + "_bucket", ["le": Self.seconds(bound)], below)
        }
        sample(name + "_bucket", ["le": "+Inf"], histogram.count)
        seconds(name + "_sum", milliseconds: histogram.sum)
        sample(name + "_count", [:], histogram.count)
    }

    /// Milliseconds as decimal seconds, exact and without zeros at the end.
    static func seconds(_ milliseconds: Int64) -> String {
        let magnitude = milliseconds.magnitude
        var text = (milliseconds < 0 ? "-" : "") + String(magnitude / 1_000)
        var fraction = magnitude % 1_000
        if fraction > 0 {
            var digits = 3
            while fraction % 10 == 0 {
                fraction /= 10
                digits -= 1
            }
            let number = String(fraction)
            text += "." + String(repeating: "0", count: digits - number.utf8.count) + number
        }
        return text
    }

    private mutating func begin(_ name: String, _ labels: KeyValuePairs<String, String>) {
        append(name)
        var separator = "{"
        for (label, value) in labels {
            append(separator)
            append(label)
            append("=\"")
            appendEscaped(value, quotes: true)
            append("\"")
            separator = ","
        }
        append(labels.isEmpty ? " " : "} ")
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func appendEscaped(_ text: String, quotes: Bool) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): append("\\\\")
            case UInt8(ascii: "\n"): append("\\n")
            case UInt8(ascii: "\"") where quotes: append("\\\"")
            default: bytes.append(byte)
            }
        }
    }
}
