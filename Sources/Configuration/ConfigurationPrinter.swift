internal import RevokeModel

/// Writes a configuration as YAML that the parser reads back, with secrets left out.
public enum ConfigurationPrinter {
    /// The whole configuration. A path that could be a secret in the wrong place is left out too. A secret that stands in the file is printed as `<redacted>`, which the parser refuses;
    /// one that is given by file keeps its path.
    public static func yaml(_ configuration: WorkerConfiguration, table: OptionTable = .standard) -> String {
        var lines: [String] = []
        var parent = ""
        for option in table.worker {
            guard let value = value(option, configuration) else { continue }
            let parts = option.name.split(separator: ".", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                lines.append("\(option.name): \(value)")
                parent = ""
                continue
            }
            if parent != parts[0] { lines.append("\(parts[0]):") }
            parent = parts[0]
            lines.append("  \(parts[1]): \(value)")
        }
        if !configuration.kafkaProperties.isEmpty { lines.append("kafka:") }
        for property in configuration.kafkaProperties {
            switch property.value {
            case .text(let text): lines.append("  \(property.name): \(scalar(text, isText: true))")
            case .secret: lines.append("  \(property.name): \(scalar(Secret.redacted, isText: true))")
            case .file(let path):
                let shown = PathText.isPath(path) ? path : Secret.redacted
                lines.append("  \(property.name)\(KafkaPropertyRules.fileSuffix): \(scalar(shown, isText: true))")
            }
        }
        lines.append("accounts:")
        lines.append("  \(scalar(configuration.account.name.text, isText: true)):")
        for option in table.account {
            if let value = value(option, configuration) { lines.append("    \(option.name): \(value)") }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func value(_ option: Option, _ configuration: WorkerConfiguration) -> String? {
        guard let text = option.render(configuration), !text.isEmpty else { return nil }
        if option.isSecret || !option.isShown(text) { return scalar(Secret.redacted, isText: true) }
        if option.isList, text.contains(",") {
            return "[\(text.split(separator: ",").map { scalar(String($0), isText: false) }.joined(separator: ", "))]"
        }
        return scalar(text, isText: option.isText)
    }

    /// A scalar, in double quotes where it needs them. A free text that other readers of YAML would take for
    /// something else is quoted too.
    static func scalar(_ text: String, isText: Bool) -> String {
        let isPlain = text.utf8.allSatisfy {
            TextRules.isNameByte($0) || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ":")
        }
        let first = text.utf8.first ?? 0
        let hasPlainStart =
            first == UInt8(ascii: "/") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first)
            || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first | 0x20)
        let looksOdd =
            ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "inf", "nan"].contains(text.lowercased())
            || !(UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first | 0x20) && first != UInt8(ascii: "/")
        let isNull = ["null", "Null", "NULL"].contains(text)
        if isPlain, hasPlainStart, !text.hasSuffix(":"), !isNull, !(isText && looksOdd) { return text }
        var result = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" {
                result += "\\"
                result.unicodeScalars.append(scalar)
            } else if scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.value == 0xFEFF
                || scalar.value == 0x2028 || scalar.value == 0x2029
            {
                let hexadecimal = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hexadecimal.count) + hexadecimal
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
