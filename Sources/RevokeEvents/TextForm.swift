internal import RevokeModel

/// Tells by its first bytes that a text is in another form than UTF-8: marked, of wider units, or compressed.
enum TextForm {
    /// Names what surely is no JSON text in UTF-8.
    static func refuseOther(_ value: [UInt8], _ text: Range<Int>) throws(DecodingFailure) {
        func byte(_ offset: Int) -> UInt8? { offset < text.count ? value[text.lowerBound + offset] : nil }
        switch (byte(0), byte(1), byte(2), byte(3)) {
        case (0xEF, 0xBB, 0xBF, _): throw .byteOrderMark
        case (0xFE, 0xFF, _, _), (0xFF, 0xFE, _, _): throw .utf16
        case (0x00, 0x00, 0xFE, 0xFF): throw .utf16
        case (0x1F, 0x8B, _, _): throw .gzip
        // Without a mark: the first character is ASCII, so the other bytes of its unit are zero.
        case (let first?, 0x00, _, _) where first != 0: throw .utf16
        case (0x00, let second?, 0x00, let fourth?) where second != 0 && fourth != 0: throw .utf16
        case (0x00, 0x00, 0x00, let fourth?) where fourth != 0 && byte(4) == 0 && byte(5) == 0: throw .utf16
        default: return
        }
    }
}
