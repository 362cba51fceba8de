internal import CYAML

/// A node of a document that holds only what a configuration needs: mappings, lists and scalars, each scalar a text.
struct YAMLNode {
    /// Counts from 1.
    struct Position: Hashable {
        var line: Int
        var column: Int
    }

    /// A key and its value.
    struct Entry {
        var key: String
        var position: Position
        var value: YAMLNode
    }

    enum Content {
        /// The flag says whether the scalar stands there without quotes.
        case scalar(String, isPlain: Bool)
        case mapping([Entry])
        case list([YAMLNode])
    }

    var content: Content
    var position: Position

    /// Whether the scalar is one of YAML's words for nothing.
    var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// The kind for people.
    var kind: String {
        switch content {
        case .scalar: "a single value"
        case .mapping: "a mapping"
        case .list: "a list"
        }
    }
}

/// Reads YAML strictly: one document, no anchors, aliases and tags, no key twice, every scalar a text.
enum YAMLDocument {
    /// What is wrong, where it stands and how to mend it. No text of the document but keys is quoted.
    struct Failure: Error {
        var position: YAMLNode.Position
        var message: String
        var mend: String
    }

    /// How deep mappings and lists may stand in each other. The shape of a configuration needs 4.
    static let maximumDepth = 8

    /// Reads a document; nil when it has no content.
    static func read(_ bytes: [UInt8]) throws(Failure) -> YAMLNode? {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) || bytes.starts(with: [0xFF, 0xFE])
            || bytes.starts(with: [0xFE, 0xFF])
        {
            throw Failure(
                position: YAMLNode.Position(line: 1, column: 1), message: "the file begins with a byte order mark",
                mend: "store it as plain UTF-8")
        }
        let source = try YAMLEvents(bytes)
        var builder = YAMLBuilder()
        while true {
            let event = try source.next()
            if case .end = event.kind { return builder.root }
            try builder.take(event)
        }
    }
}

/// An event of libyaml as a plain value.
struct YAMLEvent {
    enum Kind {
        case documentStart
        case scalar(String, isPlain: Bool)
        case mappingStart
        case listStart
        case containerEnd
        case alias
        case other
        case end
    }

    var kind: Kind
    var position: YAMLNode.Position
    var hasAnchor = false
    var hasTag = false
}

/// Builds the tree out of the events, without recursion.
private struct YAMLBuilder {
    private enum Container {
        case mapping([YAMLNode.Entry], keys: Set<String>, key: (text: String, position: YAMLNode.Position)?)
        case list([YAMLNode])
    }

    private var stack: [(container: Container, position: YAMLNode.Position)] = []
    private var documents = 0
    private(set) var root: YAMLNode?

    mutating func take(_ event: YAMLEvent) throws(YAMLDocument.Failure) {
        if event.hasAnchor { throw failure(event, "an anchor stands here", "write the value out without &NAME") }
        if event.hasTag { throw failure(event, "a tag stands here", "leave the tag (!NAME) out") }
        switch event.kind {
        case .documentStart:
            documents += 1
            if documents > 1 {
                throw failure(event, "a second document begins here", "leave one document in the file")
            }
        case .alias:
            throw failure(event, "an alias stands here", "write the value out without *NAME")
        case .scalar(let text, let isPlain):
            if try takeKey(text, event) { return }
            add(YAMLNode(content: .scalar(text, isPlain: isPlain), position: event.position))
        case .mappingStart, .listStart:
            if isKeyNext { throw failure(event, "a key is not a single value", "write a name as key") }
            guard stack.count < YAMLDocument.maximumDepth else {
                throw failure(event, "mappings and lists stand too deep in each other", "see the reference's shape")
            }
            if case .listStart = event.kind {
                stack.append((.list([]), event.position))
            } else {
                stack.append((.mapping([], keys: [], key: nil), event.position))
            }
        case .containerEnd:
            guard let last = stack.popLast() else { return }
            switch last.container {
            case .list(let nodes): add(YAMLNode(content: .list(nodes), position: last.position))
            case .mapping(let entries, _, _): add(YAMLNode(content: .mapping(entries), position: last.position))
            }
        case .other, .end: break
        }
    }

    private var isKeyNext: Bool {
        if case .mapping(_, _, key: nil)? = stack.last?.container { return true }
        return false
    }

    private mutating func takeKey(_ text: String, _ event: YAMLEvent) throws(YAMLDocument.Failure) -> Bool {
        guard case .mapping(let entries, var keys, key: nil)? = stack.last?.container else { return false }
        guard keys.insert(text).inserted else {
            throw failure(event, "the key \(TextRules.quote(text)) stands twice", "leave one of them out")
        }
        stack[stack.count - 1].container = .mapping(entries, keys: keys, key: (text, event.position))
        return true
    }

    private mutating func add(_ node: YAMLNode) {
        guard let last = stack.popLast() else {
            root = node
            return
        }
        switch last.container {
        case .list(let nodes): stack.append((.list(nodes + [node]), last.position))
        case .mapping(let entries, let keys, let key):
            var entries = entries
            if let key { entries.append(YAMLNode.Entry(key: key.text, position: key.position, value: node)) }
            stack.append((.mapping(entries, keys: keys, key: nil), last.position))
        }
    }

    private func failure(_ event: YAMLEvent, _ message: String, _ mend: String) -> YAMLDocument.Failure {
        YAMLDocument.Failure(position: event.position, message: message, mend: mend)
    }
}

/// libyaml's parser over bytes.
@safe private final class YAMLEvents {
    private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    private let input: UnsafeMutableBufferPointer<UInt8>

    init(_ bytes: [UInt8]) throws(YAMLDocument.Failure) {
        unsafe input = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, bytes.count))
        _ = unsafe input.initialize(from: bytes)
        unsafe parser.initialize(to: yaml_parser_t())
        guard unsafe yaml_parser_initialize(parser) == 1 else {
            // The deinitialiser frees what is there; a parser that is all zeros is valid for that.
            throw YAMLDocument.Failure(
                position: YAMLNode.Position(line: 1, column: 1), message: "there is no memory for the parser",
                mend: "give the process more memory")
        }
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        unsafe yaml_parser_set_input_string(parser, input.baseAddress, bytes.count)
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
        unsafe input.deallocate()
    }

    func next() throws(YAMLDocument.Failure) -> YAMLEvent {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw unsafe failure(parser.pointee) }
        defer { unsafe yaml_event_delete(&event) }
        let position = YAMLNode.Position(
            line: unsafe Int(event.start_mark.line) + 1, column: unsafe Int(event.start_mark.column) + 1)
        var result = YAMLEvent(kind: .other, position: position)
        switch unsafe event.type {
        case YAML_STREAM_END_EVENT, YAML_NO_EVENT: result.kind = .end
        case YAML_DOCUMENT_START_EVENT: result.kind = .documentStart
        case YAML_ALIAS_EVENT: result.kind = .alias
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            result.kind = .scalar(
                unsafe String(decoding: bytes, as: UTF8.self),
                isPlain: unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE)
            result.hasAnchor = unsafe scalar.anchor != nil
            result.hasTag = unsafe scalar.tag != nil
        case YAML_SEQUENCE_START_EVENT:
            result.kind = .listStart
            result.hasAnchor = unsafe event.data.sequence_start.anchor != nil
            result.hasTag = unsafe event.data.sequence_start.tag != nil
        case YAML_MAPPING_START_EVENT:
            result.kind = .mappingStart
            result.hasAnchor = unsafe event.data.mapping_start.anchor != nil
            result.hasTag = unsafe event.data.mapping_start.tag != nil
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: result.kind = .containerEnd
        default: break
        }
        return result
    }

    private func failure(_ parser: yaml_parser_t) -> YAMLDocument.Failure {
        // libyaml's texts are constants and quote nothing of the input.
        let problem = unsafe parser.problem.map { unsafe String(cString: $0) } ?? "the file cannot be read"
        let isReader = unsafe parser.error == YAML_READER_ERROR
        let mark = unsafe isReader ? parser.mark : parser.problem_mark
        return YAMLDocument.Failure(
            position: YAMLNode.Position(line: Int(mark.line) + 1, column: Int(mark.column) + 1),
            message: "not YAML: \(problem)",
            mend: isReader ? "store the file as plain UTF-8 text" : "mend the YAML here or just before")
    }
}
