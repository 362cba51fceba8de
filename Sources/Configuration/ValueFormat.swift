/// Why a text is no value of an option. The texts do not quote it: whoever reports it knows whether it is a secret.
struct ValueError: Error {
    /// Completes "the value …".
    var message: String
    var mend: String
}

/// How the values of one type are read and written.
struct ValueFormat<Value: Sendable>: Sendable {
    /// The type's name for people.
    var type: String
    /// What stands for a value in a help text.
    var placeholder: String
    /// The bounds or the words that are allowed; empty when there are none.
    var bounds = ""
    /// Whether YAML gives the value as a list too.
    var isList = false
    var isBoolean = false
    /// Whether a written value is any text, so that YAML readers of others need quotes where it looks like a number.
    var isText = false
    /// Whether a text may stand in a message.
    var isShown: @Sendable (String) -> Bool = { _ in true }
    var parse: @Sendable (String) throws(ValueError) -> Value
    /// The text of a value, for lists its elements joined by commas; nil when nothing is set.
    var render: @Sendable (Value) -> String?
}

extension ValueFormat where Value == Int64 {
    /// A duration in milliseconds, written with a unit.
    static func duration(_ bounds: ClosedRange<Int64>) -> Self {
        ValueFormat(
            type: "duration", placeholder: "DURATION", bounds: UnitText.bounds(bounds, UnitText.durations),
            parse: { text throws(ValueError) in
                try UnitText.parse(text, bounds, UnitText.durations, type: "duration", example: "200ms, 10s, 3m or 1h")
            },
            render: { UnitText.render($0, UnitText.durations) })
    }

    /// A size in bytes, written with a unit.
    static func size(_ bounds: ClosedRange<Int64>) -> Self {
        ValueFormat(
            type: "size", placeholder: "SIZE", bounds: UnitText.bounds(bounds, UnitText.sizes),
            parse: { text throws(ValueError) in
                try UnitText.parse(text, bounds, UnitText.sizes, type: "size", example: "512KiB or 32MiB")
            },
            render: { UnitText.render($0, UnitText.sizes) })
    }
}

extension ValueFormat where Value == Int {
    /// A plain decimal number.
    static func count(_ bounds: ClosedRange<Int>) -> Self {
        ValueFormat(
            type: "number", placeholder: "NUMBER", bounds: "\(bounds.lowerBound) to \(bounds.upperBound)",
            parse: { text throws(ValueError) in
                let mend = "write a whole number from \(bounds.lowerBound) to \(bounds.upperBound), in digits"
                guard let value = UnitText.digits(text) else {
                    throw ValueError(message: "is not a number", mend: mend)
                }
                guard let value = Int(exactly: value), bounds.contains(value) else {
                    throw ValueError(message: "is out of bounds", mend: mend)
                }
                return value
            },
            render: { String($0) })
    }
}

extension ValueFormat where Value == Bool {
    static var boolean: Self {
        ValueFormat(
            type: "boolean", placeholder: "true|false", isBoolean: true,
            parse: { text throws(ValueError) in
                switch text {
                case "true": return true
                case "false": return false
                default: throw ValueError(message: "is not a boolean", mend: "write true or false")
                }
            },
            render: { $0 ? "true" : "false" })
    }
}

extension ValueFormat where Value: RawRepresentable & CaseIterable & Sendable, Value.RawValue == String {
    /// One word of a closed list.
    static var choice: Self {
        let words = Value.allCases.map(\.rawValue)
        return ValueFormat(
            type: "word", placeholder: words.joined(separator: "|"), bounds: words.joined(separator: ", "),
            parse: { text throws(ValueError) in
                guard let value = Value(rawValue: text) else {
                    let near = EditDistance.nearest(to: text, in: words).map { " (perhaps \($0))" } ?? ""
                    throw ValueError(
                        message: "is not one of the words of this option",
                        mend: "write one of \(words.joined(separator: ", "))\(near)")
                }
                return value
            },
            render: { $0.rawValue })
    }
}

extension ValueFormat where Value == String {
    /// A Kafka topic's name, never a pattern.
    static var topic: Self {
        ValueFormat(
            type: "name", placeholder: "NAME", isText: true,
            parse: { text throws(ValueError) in
                guard (1...249).contains(text.utf8.count), text != ".", text != "..",
                    text.utf8.allSatisfy({ TextRules.isNameByte($0) })
                else {
                    throw ValueError(
                        message: "is not a topic's name",
                        mend: "write 1 to 249 characters of A-Z, a-z, 0-9, dot, underscore and hyphen")
                }
                return text
            },
            render: { $0 })
    }

    /// A name without further form.
    static var name: Self {
        ValueFormat(
            type: "name", placeholder: "NAME", isText: true,
            parse: { text throws(ValueError) in
                guard (1...255).contains(text.utf8.count), TextRules.isPrintable(text) else {
                    throw ValueError(
                        message: "is not a name", mend: "write 1 to 255 characters without control characters")
                }
                return text
            },
            render: { $0 })
    }

    /// The path of a file.
    static var path: Self {
        ValueFormat(
            type: "path", placeholder: "FILE", isText: true, isShown: { $0.isEmpty || PathText.isPath($0) },
            parse: { text throws(ValueError) in
                guard (1...4095).contains(text.utf8.count), TextRules.isPrintable(text) else {
                    throw ValueError(
                        message: "is not a path", mend: "write the path of a file without control characters")
                }
                return text
            },
            render: { $0 })
    }

    /// An http or https URL, looked at superficially.
    static var url: Self {
        ValueFormat(
            type: "URL", placeholder: "URL", isText: true, isShown: { URLText.isShown($0) },
            parse: { text throws(ValueError) in
                guard let url = URLText(text), !url.hasCredentials, !text.contains("?"), !text.contains("#"),
                    !text.hasSuffix("/")
                else {
                    throw ValueError(
                        message: "is not a base URL",
                        mend: "write https://HOST/PATH without user, query, fragment and a slash at the end")
                }
                return text
            },
            render: { $0 })
    }

    /// A proxy as `http://host:port`.
    static var proxy: Self {
        ValueFormat(
            type: "URL", placeholder: "URL", isText: true, isShown: { URLText.isShown($0) },
            parse: { text throws(ValueError) in
                guard let url = URLText(text), !url.hasCredentials, url.rest.isEmpty else {
                    throw ValueError(
                        message: "is not a proxy", mend: "write http://HOST:PORT without user, password and path")
                }
                return text
            },
            render: { $0 })
    }
}

extension ValueFormat where Value == ListenAddress {
    static var address: Self {
        ValueFormat(
            type: "address", placeholder: "ADDRESS:PORT", isText: true,
            parse: { text throws(ValueError) in
                guard let address = AddressText.parse(text) else {
                    throw ValueError(
                        message: "is not an address with a port",
                        mend: "write a literal address and a port, 127.0.0.1:8480 or [::1]:8480")
                }
                return address
            },
            render: { $0.description })
    }
}

extension ValueFormat where Value == StartPosition {
    static var startPosition: Self {
        ValueFormat(
            type: "position", placeholder: "earliest|latest|TIME", bounds: "earliest, latest or an RFC 3339 time",
            isText: true,
            parse: { text throws(ValueError) in
                if text == "earliest" { return .earliest }
                if text == "latest" { return .latest }
                guard let time = TimeText.parse(text) else {
                    throw ValueError(
                        message: "is not a position",
                        mend: "write earliest, latest or a time as 2026-06-01T14:00:00Z")
                }
                return .time(time)
            },
            render: { value in
                switch value {
                case .earliest: "earliest"
                case .latest: "latest"
                case .time(let time): TimeText.render(time)
                }
            })
    }
}

extension ValueFormat where Value == Budget {
    static var budget: Self {
        ValueFormat(
            type: "budget", placeholder: "LIMIT/DURATION,…",
            bounds: "1 to 4 windows of 1s to 1h in whole seconds, or unlimited", isList: true,
            parse: { text throws(ValueError) in try BudgetText.parse(text) },
            render: { BudgetText.render($0) })
    }
}

extension ValueFormat {
    /// The same format for a value that may be absent.
    var optional: ValueFormat<Value?> {
        ValueFormat<Value?>(
            type: type, placeholder: placeholder, bounds: bounds, isList: isList, isBoolean: isBoolean, isText: isText,
            isShown: isShown,
            parse: { text throws(ValueError) in try self.parse(text) },
            render: { value in value.flatMap { self.render($0) } })
    }
}
