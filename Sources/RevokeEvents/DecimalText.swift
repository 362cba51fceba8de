/// Integers as decimal text, in one spelling only: no sign but `-`, no leading zero, no white space.
enum DecimalText {
    /// Reads an integer, or gives nil when the bytes have another form or the integer does not fit.
    static func int64(_ bytes: some Sequence<UInt8>) -> Int64? {
        var result: Int64 = 0
        var count = 0
        var isNegative = false
        for byte in bytes {
            if byte == UInt8(ascii: "-"), count == 0, !isNegative {
                isNegative = true
                continue
            }
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10, count == 0 || result != 0 else { return nil }
            // Built below zero, where the smallest integer fits too.
            let (product, tooLarge) = result.multipliedReportingOverflow(by: 10)
            let (sum, stillTooLarge) = product.subtractingReportingOverflow(Int64(digit))
            guard !tooLarge, !stillTooLarge else { return nil }
            result = sum
            count += 1
        }
        guard count > 0 else { return nil }
        if isNegative { return result == 0 ? nil : result }
        return result == Int64.min ? nil : -result
    }
}
