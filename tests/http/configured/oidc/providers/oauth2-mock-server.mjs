// A provider that logs everybody in at once (npm oauth2-mock-server). Argument: port.
import { OAuth2Server } from 'oauth2-mock-server';

const server = new OAuth2Server();
await server.issuer.keys.generate('RS256');
server.issuer.url = `http://127.0.0.1:${process.argv[2]}`;
await server.start(Number(process.argv[2]), '127.0.0.1');
console.log('ready');
