// Serves an empty PGlite on a free port of loopback, to as many connections at a time as the argument says.
import { PGlite } from '@electric-sql/pglite'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'

const server = new PGLiteSocketServer({
  db: await PGlite.create(),
  host: '127.0.0.1',
  port: 0,
  maxConnections: Number(process.argv[2]),
})
await server.start()
console.log(server.getServerConn())
process.stdin.on('end', () => process.exit()).resume()
