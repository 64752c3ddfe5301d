package container

import (
	"math/rand/v2"
	"regexp"
	"strings"
)

// nameChars is what the engine lets a container, and a local volume, be called.
const nameChars = `[a-zA-Z0-9][a-zA-Z0-9_.-]`

var nameRule = regexp.MustCompile(`^/?` + nameChars + `+$`)

// cleanName checks a container's name and puts the leading slash on.
func cleanName(name string) (string, error) {
	if !nameRule.MatchString(name) {
		return "", invalid("Invalid container name (%s), only %s are allowed", name, nameChars)
	}
	return "/" + strings.TrimPrefix(name, "/"), nil
}

// generateName makes up a name as the engine does for containers without one: an adjective and the
// surname of somebody who advanced science or computing. After some failed tries a digit is added.
func generateName(r *rand.Rand, try int) string {
	n := adjectives[r.IntN(len(adjectives))] + "_" + surnames[r.IntN(len(surnames))]
	if try > 0 {
		n += string(rune('0' + r.IntN(10)))
	}
	return "/" + n
}

var adjectives = strings.Fields(`admiring agile amazing attentive blissful bold brave bright busy
	calm careful charming cheerful clever cool curious dazzling determined diligent dreamy eager
	earnest elastic elated elegant eloquent epic fervent festive focused friendly frosty gallant
	generous gentle gifted goofy graceful gracious happy hardcore honest hopeful hungry infallible
	inspiring intelligent jolly jovial keen kind lively loving lucid magical merry modest musing
	mystifying nice nifty nimble nostalgic objective optimistic patient peaceful pensive playful
	practical proud quirky quizzical recursing relaxed reverent romantic serene sharp silly sleepy
	stoic strange stupefied sweet tender thirsty trusting unruffled upbeat vibrant vigilant vigorous
	wizardly wonderful xenodochial youthful zealous zen`)

var surnames = strings.Fields(`agnesi aitken almeida ampere archimedes aryabhata babbage banach
	bardeen bartik bell bernoulli bhabha blackwell bohr booth borg bose boyd brahmagupta brattain
	carson cartwright cerf chandrasekhar chatelet chebyshev cohen colden cori cray curie curran
	darwin davinci dewdney diffie dijkstra dirac easley edison einstein elion ellis engelbart
	euclid euler faraday fermat fermi feynman franklin galileo galois gauss goldberg goldstine
	goodall gould greider hamilton hawking heisenberg hermann herschel hertz hodgkin hoover hopper
	hypatia jackson jang jemison jennings jepsen johnson joliot jones kalam kapitsa kare keldysh
	keller kepler khorana kilby kirch knuth kowalevski lalande lamarr lamport leakey leavitt
	lederberg lehmann lewin lichterman liskov lovelace lumiere mahavira margulis maxwell mayer
	mccarthy mcclintock mclaren mcnulty meitner mendel mendeleev meninsky merkle mirzakhani
	montalcini moore morse moser murdock napier nash neumann newton nightingale nobel noether
	northcutt noyce panini pare pascal pasteur payne perlman pike poincare poitras proskuriakova
	ptolemy raman ramanujan rhodes ride ritchie robinson roentgen rosalind rubin saha sammet
	shannon shaw shirley shockley sinoussi snyder solomon spence stonebraker sutherland swanson
	swirles tesla tharp thompson torvalds turing varahamihira vaughan villani visvesvaraya volhard
	wescoff wilbur wiles williams williamson wilson wing wozniak wright wu yalow yonath zhukovsky`)
