//! Common passwords: the first that are guessed, told by rules rather than by a list.
//!
//! A password is common when, once its decoration is off, nothing is left of it but a word that many choose, a walk over
//! the keyboard, a sequence or a repetition. Decoration is letter case, digits and signs at either end, and digits and
//! signs in place of letters. So one word here stands for some hundred passwords of the lists that attackers try first
//! (OWASP ASVS 6.2.4 asks for 3,000).

use crate::value::email::Email;

/// Words that many choose, in lower case and without digits for letters.
const WORDS: &str = "\
    password passwort passwd pass passphrase motdepasse contrasena senha parola wachtwoord haslo salasana secret geheim \
    welcome willkommen bienvenue letmein login logon signin admin administrator root superuser sysadmin user guest test \
    tester testing demo default changeme change temp temporary newpass newpassword mypass mypassword master access \
    account private enter open opensesame sesame unlock security secure server system computer internet network windows \
    microsoft google facebook apple iphone android samsung nokia linux ubuntu oracle database mysql cisco router \
    qwerty qwertz azerty qwertyuiop asdf asdfgh asdfghjkl zxcvbn zxcvbnm qazwsx qazwsxedc wsxedc abc abcabc abcd \
    iloveyou ilovejesus iloveme iloveu loveyou loveme lovely lover love forever always together friend friends family \
    mother father mommy daddy mama papa brother sister baby babygirl babyboy honey sweetie sweetheart darling angel \
    angels beautiful princess prince queen king lady girl boy sexy hottie cutie pretty princesa estrella teamo tequiero \
    football soccer futbol baseball basketball hockey tennis golf golfer rugby cricket swimming skating running runner \
    sports player champion winner eagles cowboys lakers yankees steelers packers raiders redsox patriots dolphins \
    broncos celtics bulldog bulldogs tigers lions panthers wildcats liverpool chelsea arsenal barcelona realmadrid \
    juventus everton rangers manchester united city england ronaldo messi beckham jordan michaeljordan \
    monkey dragon tiger lion panther eagle falcon hawk wolf wolves bear panda horse pony kitty kitten cat cats puppy \
    dog dogs doggie rabbit bunny turtle snake spider scorpion shark dolphin butterfly ladybug firebird phoenix unicorn \
    chicken turkey elephant giraffe penguin hamster guitar piano music musica singer dance dancer dancing rock rocker \
    metal metallica nirvana slipknot eminem beatles elvis rockstar superstar star stars starwars startrek skywalker \
    vader yoda jedi matrix batman superman spiderman ironman wolverine hulk joker deadpool captain avengers pokemon \
    pikachu naruto goku mario zelda sonic minecraft fortnite roblox counterstrike callofduty warcraft starcraft diablo \
    halo xbox playstation nintendo gamer games game player hacker hackers ninja samurai warrior soldier ranger hunter \
    killer death demon devil satan lucifer heaven hell jesus christ jesuschrist god godisgood lord savior faith bible \
    church blessed blessing grace mercy angelic amen allah islam buddha krishna \
    summer winter spring autumn fall sommer herbst fruehling invierno verano january february march april may june july \
    august september october november december monday tuesday wednesday thursday friday saturday sunday today tomorrow \
    sunshine sunflower rainbow moonlight midnight thunder lightning storm snow snowball flower flowers rose roses lily \
    daisy jasmine violet cherry apple banana orange lemon strawberry peaches mango pineapple chocolate cookie cookies \
    candy sugar cheese pizza burger coffee beer whiskey vodka tequila pepper ginger cinnamon vanilla butter peanut \
    red green blue yellow purple pink black white silver golden gold diamond crystal pearl ruby emerald sapphire magic \
    mustang ferrari porsche mercedes bmw audi toyota honda corvette camaro harley yamaha suzuki kawasaki ducati racing \
    driver trucker america american usa canada mexico brasil brazil argentina france paris london berlin germany \
    deutschland italia spain espana russia moscow poland india china japan tokyo australia california texas florida \
    newyork chicago boston dallas vegas hawaii \
    michael jennifer jessica ashley amanda michelle nicole daniel daniela andrew joshua matthew anthony robert thomas \
    charles charlie william george james john johnny david steven stephen kevin brian justin brandon jonathan nicholas \
    christian christopher alexander alexandra alexis alex samantha sam samuel benjamin jacob joseph jordan tyler austin \
    taylor hannah rachel rebecca sarah sara laura maria mariana marie martin martina patrick patricia peter paul pauline \
    natalie natasha vanessa veronica victoria victor vincent angela angelina andrea andreas anna anne annie barbara \
    carlos carolina caroline catherine katherine christina claudia cristina diana dominic eduardo elizabeth emily emma \
    erica fernando francis francisco gabriel gabriela gabrielle hector heather isabella isabelle ivan jackson jason \
    jasper javier jeremy jesse jorge jose juan julia julian juliana karen karina kimberly kristen lauren leonardo linda \
    lisa louis lucas lucky luis madison marco marcus margaret mark max maxwell megan melanie melissa miguel miranda \
    monica morgan nathan oliver olivia oscar pablo pamela pedro philip phillip rafael ricardo richard roberto rodrigo \
    ronald rosemary ruben ryan sabrina sandra santiago sebastian sergio simon simone sofia sophia sophie stephanie \
    susan sydney teresa theresa tiffany timothy valentina valeria walter wilson xavier yolanda zachary \
    whatever nothing something anything everything someone nobody unknown freedom liberty peace happy happiness smile \
    smiley laugh dream dreams dreamer believe trust trustno hope hopeful imagine success money dollar million \
    millionaire rich power powerful strong super cool awesome amazing perfect fantastic classic original special \
    number numbers one first last legend hero heroes genius crazy stupid idiot asshole bitch fuck fuckyou fuckoff \
    fuckme shit bullshit pussy cock dick porn sex sexsex biteme blowme eatme kissme hello hellokitty hi hey bonjour \
    hola ciao goodbye thanks thankyou please sorry welcome home house school college student teacher office work \
    working business company manager boss doctor nurse police fire firefighter marine marines navy army airforce \
    security customer license licence keystead product software download support service vendor example sample string \
    correct horse battery staple correcthorsebatterystaple mynameis iamthe thisis";

/// Rows of keyboards, and other things that are typed by sliding.
const WALKS: &[&str] = &[
    "1234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "abcdefghijklmnopqrstuvwxyz",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "qazwsxedcrfvtgbyhnujm",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "a1b2c3d4e5f6g7h8",
    "147258369",
    "159357",
    "112233445566778899",
    "1a2b3c4d5e6f7g8h9i",
    "!@#$%^&*()",
    "zaq12wsxcde34rfv",
    "zaqxswcdevfr",
];

/// Whether this is among the first passwords that are guessed.
pub fn is_common(password: &str) -> bool {
    let typed = password.to_lowercase();
    let (plain, inside) = (
        without_signs_for_letters(&typed),
        without_signs_for_letters(bare(&typed)),
    );
    if is_simple(&typed) {
        return true;
    }
    if bare(&typed).is_empty() {
        // Digits and signs alone.
        return typed.chars().count() < SHORTEST_OF_SIGNS;
    }
    let readings = [bare(&typed), inside.as_str(), bare(&plain), bare_letters(&plain)];
    readings.into_iter().any(is_guessed)
}

/// From how many characters on digits and signs alone are a password.
const SHORTEST_OF_SIGNS: usize = 12;

/// Whether it is no more than this address, or a part of it, with decoration.
pub fn is_of_address(password: &str, address: &Email) -> bool {
    let typed = password.to_lowercase();
    let address = address.folded();
    let (local, domain) = address.split_once('@').unwrap_or((address.as_str(), ""));
    let company = domain.split('.').next().unwrap_or_default();
    let parts = [address.as_str(), local, domain, company];
    let known = |text: &str| !text.is_empty() && parts.iter().any(|part| text == *part || bare(part) == text);
    known(&typed) || known(bare(&typed))
}

/// What is left when digits and signs are off both ends.
fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| !c.is_alphabetic())
}

/// As [`bare`], of a text in which what stands at the end may have been taken for letters: `password1` reads `passwordi`.
fn bare_letters(text: &str) -> &str {
    bare(text).trim_end_matches(['i', 'o', 's', 'a', 'e'])
}

fn is_guessed(text: &str) -> bool {
    // Decoration and next to nothing else.
    text.chars().count() < 3
        || is_simple(text)
        || WORDS.split_whitespace().any(|word| word == text)
        || twice(text).is_some_and(is_guessed)
        || words_of(text)
}

/// Whether it is two common words after each other: `iloveyou` has none, `superdragon` does.
fn words_of(text: &str) -> bool {
    let is_word = |part: &str| part.len() > 1 && WORDS.split_whitespace().any(|word| word == part);
    text.char_indices()
        .skip(1)
        .map(|(at, _)| text.split_at(at))
        .any(|(first, second)| is_word(first) && is_word(second))
}

/// Half of a text that says the same twice.
fn twice(text: &str) -> Option<&str> {
    let (first, second) = text.split_at_checked(text.len() / 2)?;
    (first == second).then_some(first)
}

/// Whether it is typed without a thought: a walk over the keyboard or up the alphabet, also backwards and begun anew, or the
/// same few characters over and over.
fn is_simple(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() < 3 {
        return true;
    }
    let repeats = (1..=4).any(|period| {
        characters.len() >= 2 * period && characters.iter().zip(&characters[period..]).all(|(a, b)| a == b)
    });
    repeats || walked(&characters)
}

/// Whether every three characters that follow each other do so in one of [`WALKS`], or where one ends and another begins.
fn walked(characters: &[char]) -> bool {
    let walks = WALKS.iter().flat_map(|walk| {
        let forwards: Vec<char> = walk.chars().collect();
        let backwards = forwards.iter().rev().copied().collect();
        [forwards, backwards]
    });
    let walks: Vec<Vec<char>> = walks.collect();
    let mut at = 0;
    // Runs of three or more of one walk each, one after another.
    while at < characters.len() {
        let longest = walks
            .iter()
            .flat_map(|walk| (0..walk.len()).map(move |start| &walk[start..]));
        let longest = longest.map(|rest| rest.iter().zip(&characters[at..]).take_while(|(a, b)| a == b).count());
        match longest.max() {
            Some(run) if run >= 3 => at += run,
            Some(_) | None => return false,
        }
    }
    true
}

/// The text as it reads: digits and signs that stand for letters taken for those.
fn without_signs_for_letters(text: &str) -> String {
    let letter = |c: char| match c {
        '0' => 'o',
        '1' | '!' | '|' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        '8' => 'b',
        other => other,
    };
    text.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_passwords_that_are_guessed_are_common() {
        for password in [
            "password",
            "Password1",
            "P@ssw0rd",
            "p4ssw0rd!",
            "password123",
            "passw0rd2024!",
            "12345678",
            "123456789",
            "1234567890",
            "87654321",
            "11111111",
            "00000000",
            "abcdefgh",
            "abcd1234",
            "1234abcd",
            "48213975",
            "qwertyuiop",
            "Qwerty123!",
            "qwerty12",
            "asdfghjkl",
            "1q2w3e4r",
            "1qaz2wsx",
            "zaq12wsx",
            "qazwsxedc",
            "iloveyou",
            "iloveyou2",
            "sunshine",
            "Sunshine99",
            "princess",
            "football",
            "baseball1",
            "superman",
            "batman123",
            "trustno1",
            "letmein1",
            "welcome1",
            "Welcome2024!",
            "Summer2024",
            "winter2023!",
            "monkey123",
            "dragon12",
            "michael1",
            "jennifer",
            "charlie7",
            "liverpool",
            "chocolate",
            "computer",
            "internet",
            "whatever",
            "starwars",
            "changeme",
            "admin123",
            "administrator",
            "abcabcabc",
            "abababab",
            "123123123",
            "112233445566",
            "passwordpassword",
            "superdragon",
            "$unsh1ne",
            "........",
            "12345678!",
            "1a2b3c4d",
            "a1b2c3d4",
            "147258369",
            "correcthorse",
            "hellokitty",
            "masterpassword",
            "keystead1",
        ] {
            assert!(is_common(password), "{password}");
        }
    }

    #[test]
    fn what_somebody_thought_of_is_not() {
        for password in [
            "correct horse battery staple",
            "correct horse",
            "another password",
            "a third password",
            "xkq-Tr7-mmw",
            "bicycles swim slowly",
            "Tr0ub4dor&3",
            "die Katze im Regal",
            "9fK2mPqL",
            "3141592653589",
            "zug nach basel 2031",
            "wuthering",
            "\u{43f}\u{430}\u{440}\u{43e}\u{43b}\u{44c} \u{434}\u{43b}\u{44f} \u{434}\u{43e}\u{43c}\u{430}",
        ] {
            assert!(!is_common(password), "{password}");
        }
    }

    #[test]
    fn an_address_is_no_password_for_its_account() {
        let address = Email::parse("ann.miller@acme.example").expect("an address");
        for password in [
            "ann.miller",
            "Ann.Miller1",
            "ann.miller@acme.example",
            "acme.example",
            "acme2024!",
            "ann.miller!!",
        ] {
            assert!(is_of_address(password, &address), "{password}");
        }
        for password in ["ann likes millers", "acme makes anvils", "correct horse"] {
            assert!(!is_of_address(password, &address), "{password}");
        }
    }

    #[test]
    fn the_rules_stand_for_more_than_three_thousand_passwords() {
        let endings = [
            "", "1", "12", "123", "1234", "!", "1!", "123!", "01", "007", "99", "2023", "2024", "2024!",
        ];
        let words = WORDS.split_whitespace();
        let long = words.flat_map(|word| endings.iter().map(move |ending| format!("{word}{ending}")));
        let long: std::collections::BTreeSet<String> = long.filter(|password| password.len() >= 8).collect();
        assert!(long.len() > 3000, "{}", long.len());
        assert!(long.iter().all(|password| is_common(password)));
    }
}
