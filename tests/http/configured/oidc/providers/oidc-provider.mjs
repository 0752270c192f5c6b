// A certified provider (npm oidc-provider) with one client, and without a question for consent.
// Arguments: port, redirect URI, back-channel log-out URI, seconds that tokens are valid.
import Provider from 'oidc-provider';

const [port, redirect, backChannel, life] = process.argv.slice(2);
const seconds = Number(life);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: 'lockgate',
      client_secret: 'the-secret-of-the-client',
      redirect_uris: [redirect],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      backchannel_logout_uri: backChannel,
      backchannel_logout_session_required: true,
    },
  ],
  features: { backchannelLogout: { enabled: true }, devInteractions: { enabled: true } },
  // Without the guard against special addresses: the gateway of a test is on this machine.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  issueRefreshToken: async () => true,
  loadExistingGrant: async (ctx) => {
    const { client, provider: here, session } = ctx.oidc;
    const grant = new here.Grant({ accountId: session.accountId, clientId: client.clientId });
    grant.addOIDCScope('openid offline_access');
    await grant.save();
    return grant;
  },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: { AccessToken: seconds, Grant: 3600, IdToken: seconds, Interaction: 600, RefreshToken: 3600, Session: 3600 },
});
let refreshed = 0;
provider.on('grant.success', (ctx) => {
  if (ctx.oidc.params.grant_type === 'refresh_token') refreshed += 1;
  console.log(JSON.stringify({ refreshed }));
});
provider.on('grant.error', (_, error) => console.log(JSON.stringify({ error: error.message, detail: error.error_detail })));
provider.on('backchannel.error', (_, error) => console.log(JSON.stringify({ error: error.message, cause: String(error.cause) })));
provider.on('backchannel.success', () => console.log('told the gateway'));
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
