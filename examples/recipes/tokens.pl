# Verifies JSON Web Tokens by Crypt::JWT, as tokens.py does: `tokens.pl KEY`, and a line of `verify LEEWAY TOKEN`.
use strict;
use warnings;
use Crypt::JWT qw(decode_jwt);

my ($key) = @ARGV;
$| = 1;
while (<STDIN>) {
    my (undef, $leeway, $token) = split;
    my $claims = eval { decode_jwt(token => $token, key => $key, accepted_alg => "HS256", leeway => $leeway) };
    print $claims ? "accepted\n" : $@ =~ s/ at \S+ line.*//sr . "\n";
}
