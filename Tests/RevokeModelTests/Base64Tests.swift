import RevokeModel
import Testing

@Suite("Base64 is that of RFC 4648")
struct Base64Tests {
    static let table = [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ]

    @Test("The vectors of section 10, with and without padding", arguments: table)
    func vector(plain: String, padded: String) {
        let bytes = Array(plain.utf8)
        let unpadded = padded.utf8.filter { $0 != UInt8(ascii: "=") }
        #expect(Base64.encode(bytes) == unpadded)
        #expect(Base64.decode(unpadded) == bytes)
        #expect(Base64.decodePadded(Array(padded.utf8)) == bytes)
        if unpadded.count != padded.utf8.count {
            #expect(Base64.decodePadded(unpadded) == nil)
            #expect(Base64.decode(Array(padded.utf8)) == nil)
        }
    }

    @Test("Bits that no byte carries must be zero: one text for one value")
    func restBits() {
        #expect(Base64.decode(Array("Zh".utf8)) == nil)
        #expect(Base64.decodePadded(Array("Zh==".utf8)) == nil)
        #expect(Base64.decodePadded(Array("Zm9=".utf8)) == nil)
    }

    @Test(
        "What is no base64",
        arguments: ["=", "====", "Z===", "Zg=a", "=Zg=", "Zg==Zg==", "Zm8-", "Zm8 ", "Zm8\n", "é=="])
    func refused(text: String) {
        #expect(Base64.decodePadded(Array(text.utf8)) == nil)
    }
}
