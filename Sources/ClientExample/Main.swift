@main
enum ClientExampleMain {
    static func main() {}
}
