/// Numbers with a unit, and plain ones.
enum UnitText {
    /// A unit and what it counts.
    typealias Unit = (name: String, factor: Int64)

    /// From the largest to the smallest.
    static let durations: [Unit] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)]
    /// From the largest to the smallest.
    static let sizes: [Unit] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)]

    /// Reads digits without a sign, a leading zero or anything else; nil also when the number is too large.
    static func digits(_ text: some StringProtocol) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            text.utf8.count == 1 || text.utf8.first != UInt8(ascii: "0")
        else { return nil }
        return Int64(text)
    }

    /// Reads a number with a unit.
    static func parse(_ text: some StringProtocol, _ units: [Unit]) -> Int64? {
        let split = text.firstIndex { !("0"..."9").contains($0) } ?? text.endIndex
        guard let number = digits(text[..<split]), let unit = units.first(where: { $0.name == text[split...] }) else {
            return nil
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit.factor)
        return overflow ? nil : product
    }

    static func parse(
        _ text: String, _ bounds: ClosedRange<Int64>, _ units: [Unit], type: String, example: String
    ) throws(ValueError) -> Int64 {
        guard let value = parse(text, units) else {
            throw ValueError(
                message: "is not a \(type)",
                mend: digits(text) == nil
                    ? "write a whole number with a unit, \(example)" : "add the unit, \(example)")
        }
        guard bounds.contains(value) else {
            throw ValueError(message: "is out of bounds", mend: "write \(UnitText.bounds(bounds, units))")
        }
        return value
    }

    /// Writes a number with the largest unit that divides it.
    static func render(_ value: Int64, _ units: [Unit]) -> String {
        for unit in units where value != 0 && value % unit.factor == 0 { return "\(value / unit.factor)\(unit.name)" }
        return "\(value)\(units.last?.name ?? "")"
    }

    static func bounds(_ bounds: ClosedRange<Int64>, _ units: [Unit]) -> String {
        "\(render(bounds.lowerBound, units)) to \(render(bounds.upperBound, units))"
    }
}
