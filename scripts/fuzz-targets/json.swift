// The strict JSON reader over any bytes: it ends, and walking, skipping and comparing agree.
import JSON

/// libFuzzer calls this with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    let walked = walk(bytes)
    let skipped = skip(bytes)
    guard walked == skipped else { fatalError("walking ends with \(walked.debug), skipping with \(skipped.debug)") }
    if let error = walked, !(0...bytes.count).contains(error.position) { fatalError("\(error) is outside") }
    return 0
}

private func walk(_ bytes: [UInt8]) -> JSONError? {
    var reader = JSONReader(bytes)
    var keys: [JSONKeyList] = []
    do throws(JSONError) {
        while true {
            switch try reader.next() {
            case .beginObject: keys.append(JSONKeyList())
            case .endObject: _ = keys.popLast()?.duplicate(in: reader)
            case .key(let string):
                if !keys.isEmpty { keys[keys.count - 1].append(string) }
                check(string, reader)
            case .string(let string): check(string, reader)
            case .number(let number):
                let text = String(decoding: bytes[number.range], as: UTF8.self)
                if let value = number.int64, value != 0, String(value) != text {
                    fatalError("\(text) read as \(value)")
                }
                if number.isInteger, number.int64 == nil, Int64(text) != nil { fatalError("\(text) not read") }
            case .end: return nil
            case .beginArray, .endArray, .bool, .null: continue
            }
        }
    } catch {
        return error
    }
}

private func skip(_ bytes: [UInt8]) -> JSONError? {
    var reader = JSONReader(bytes)
    do throws(JSONError) {
        try reader.skipValue()
        try reader.finish()
        return nil
    } catch {
        return error
    }
}

private func check(_ string: JSONString, _ reader: JSONReader) {
    guard reader.string(string, equals: string) else { fatalError("a string differs from itself") }
    guard let text = reader.text(of: string) else { return }
    guard reader.string(string, equals: text) else { fatalError("a string differs from its text") }
    // Written and read again, it is the same.
    var writer = JSONWriter()
    writer.string(text)
    var again = JSONReader(writer.bytes)
    guard case .string(let copy)? = try? again.next(), again.text(of: copy)?.utf8.elementsEqual(text.utf8) == true
    else {
        fatalError("a string is not read as it was written")
    }
}

extension JSONError? {
    fileprivate var debug: String { map { "\($0)" } ?? "no error" }
}
