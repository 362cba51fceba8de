import Testing

@Suite(.enabled(if: TestBroker.kind != .none, TestBroker.skipped)) struct Probe {
    @Test func probe() async throws {
        let broker = try await TestBroker.start(["--sasl-ssl", "--acls"])
        print(broker)
        try await broker.createTopic("t", partitions: 4)
        try await broker.tool(["produce", "--topic", "t", "--reader-property", "parse.headers=true", "--reader-property", "parse.key=true"], input: Array("a:b,c:d\tkey\tvalue, 1\nx:y\tk2\tv2\n".utf8))
        print(try await broker.records(topic: "t"))
        try await broker.tool(["consume", "--topic", "t", "--group", "g", "--from-beginning", "--max-messages", "2"])
        print(try await broker.committed(group: "g", topic: "t"))
        try await broker.control("destroy")
        print(WorkerProcess.executable)
        let p = try WorkerProcess(["help"])
        print(try await p.end(), p.state.current)
    }
}
