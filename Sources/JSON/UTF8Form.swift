/// The well-formed byte sequences of UTF-8 (RFC 3629 section 4). Pure; usable on any thread.
public enum UTF8Form {
    /// Whether all the bytes are UTF-8.
    public static func isValid(_ bytes: [UInt8]) -> Bool {
        var index = 0
        let end = bytes.count
        while index < end {
            if bytes[index] < 0x80 {
                index += 1
            } else {
                let length = length(of: bytes, at: index, end: end)
                guard length > 0 else { return false }
                index += length
            }
        }
        return true
    }

    /// The length of the sequence that begins at an index, or 0 when none that is well-formed does.
    static func length(of bytes: [UInt8], at index: Int, end: Int) -> Int {
        let first = bytes[index]
        switch first {
        case 0x00...0x7F: return 1
        case 0xC2...0xDF: return continues(bytes, index + 1, end) ? 2 : 0
        case 0xE0...0xEF:
            let low: UInt8 = first == 0xE0 ? 0xA0 : 0x80
            let high: UInt8 = first == 0xED ? 0x9F : 0xBF
            return continues(bytes, index + 1, end, low, high) && continues(bytes, index + 2, end) ? 3 : 0
        case 0xF0...0xF4:
            let low: UInt8 = first == 0xF0 ? 0x90 : 0x80
            let high: UInt8 = first == 0xF4 ? 0x8F : 0xBF
            return continues(bytes, index + 1, end, low, high) && continues(bytes, index + 2, end)
                && continues(bytes, index + 3, end) ? 4 : 0
        default: return 0
        }
    }

    private static func continues(
        _ bytes: [UInt8], _ index: Int, _ end: Int, _ low: UInt8 = 0x80, _ high: UInt8 = 0xBF
    ) -> Bool {
        index < end && bytes[index] >= low && bytes[index] <= high
    }
}
