import Testing

@testable import Kafka

@Suite("A member's assignment")
struct MemberAssignmentTests {
    /// Version 1, topics "a" with 7 and 260, "events" with 0, no user data.
    private let bytes: [UInt8] =
        [0, 1, 0, 0, 0, 2, 0, 1, 97, 0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 1, 4, 0, 6] + Array("events".utf8)
        + [0, 0, 0, 1, 0, 0, 0, 0, 255, 255, 255, 255]

    @Test func partitionsAreRead() {
        #expect(MemberAssignment.partitions(of: "a", in: bytes) == [7, 260])
        #expect(MemberAssignment.partitions(of: "events", in: bytes) == [0])
        #expect(MemberAssignment.partitions(of: "other", in: bytes) == [])
    }

    @Test func bytesOfAnotherFormAreNoPartitions() {
        #expect(MemberAssignment.partitions(of: "a", in: []) == [])
        for count in 0..<20 { #expect(MemberAssignment.partitions(of: "a", in: Array(bytes.prefix(count))) == []) }
        #expect(MemberAssignment.partitions(of: "a", in: [0, 0, 255, 255, 255, 255]) == [])
        #expect(MemberAssignment.partitions(of: "a", in: [0, 0, 0, 0, 0, 1, 255, 255]) == [])
        #expect(MemberAssignment.partitions(of: "a", in: [0, 0, 0, 0, 0, 1, 0, 1, 97, 127, 255, 255, 255]) == [])
    }
}
