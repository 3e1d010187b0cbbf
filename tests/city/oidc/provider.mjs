// A real identity provider for tests/city/test_oidc.py: node provider.mjs '{"port": …, "accounts": {…}, "clients": […]}'
// Its own sign-in and consent forms are used; whoever types a login that stands in `accounts` is that account,
// and the login is the subject.
import { generateKeyPair, exportJWK } from 'jose';
import { Provider } from 'oidc-provider';

const { port, accounts, clients, tokenSeconds = 3600 } = JSON.parse(process.argv[2]);
const { privateKey } = await generateKeyPair('RS256', { extractable: true });
const key = { ...(await exportJWK(privateKey)), use: 'sig', alg: 'RS256', kid: `key-${Date.now()}` };

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients,
  jwks: { keys: [key] },
  cookies: { keys: ['only for tests'] },
  claims: { openid: ['sub'], profile: ['name', 'roles', 'bureau'], email: ['email', 'email_verified'] },
  ttl: { IdToken: tokenSeconds, AccessToken: 3600, Session: 3600, Grant: 3600, Interaction: 600 },
  async findAccount(_, id) {
    const account = accounts[id];
    return account && { accountId: id, claims: async () => ({ ...account, sub: id }) };
  },
});
provider.on('server_error', (_, error) => console.error(error));
provider.listen(port, '127.0.0.1', () => console.log('ready'));
