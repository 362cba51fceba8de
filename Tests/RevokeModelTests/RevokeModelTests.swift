import RevokeModel
import Testing

@Suite struct RevokeModelTests {
    @Test(arguments: [
        (0, false), (1, true), (-1, false), (9_007_199_254_740_991, true), (9_007_199_254_740_992, false),
    ])
    func contractRange(value: Int64, valid: Bool) {
        #expect((ContractID(value) != nil) == valid)
    }

    @Test(arguments: [("main", true), ("", false), ("Main", false), ("a_b", false), ("a-1", true)])
    func accountForm(text: String, valid: Bool) {
        #expect((AccountName(text) != nil) == valid)
    }

    @Test func reasonsRoundTrip() {
        let reasons =
            DecodingFailure.allCases.map(DeadLetterReason.malformed) + [.rejected, .retryLimit, .unknownAccount]
        for reason in reasons { #expect(DeadLetterReason(text: reason.text) == reason) }
        #expect(Set(reasons.map(\.text)).count == reasons.count)
        #expect(DeadLetterReason(text: "no_such_reason") == nil)
    }

    @Test(arguments: [
        ("no_contract", true), ("access-denied.x", true), ("x", true), (String(repeating: "x", count: 40), true),
        ("", false), ("a b", false), ("_a", false), ("a_", false), ("a__b", false), ("a.-b", false), (".", false),
        ("Denied", false), ("e404", false), ("404", false), ("é", false), ("a\n", false), ("a=", false),
        (String(repeating: "x", count: 41), false),
    ])
    func errorCodeForm(text: String, valid: Bool) {
        #expect((ErrorCode(text) != nil) == valid)
    }
}
