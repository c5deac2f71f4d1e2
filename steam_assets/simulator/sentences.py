"""Text samples: sentences for reviews in the languages of Steam's players, and texts for news.

Belongs here: text written for this project. Does not belong here: which app gets which text when.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Voice:
    """Sentences of one language; ``share`` is its share of all reviews."""

    share: float
    good: tuple[str, ...]
    bad: tuple[str, ...]


VOICES: Mapping[str, Voice] = {
    "english": Voice(
        0.37,
        (
            "Runs well and the friends I play with keep coming back.",
            "Best evening I had in weeks.",
            "The last update fixed everything I complained about.",
            "Great soundtrack, fair matchmaking, no regrets.",
            "I meant to play one round and it is four in the morning.",
            "[b]Worth full price.[/b] The world feels alive.",
            "Bought it on sale, would have paid more. 10/10 🎮",
            "Works out of the box on the Deck.",
        ),
        (
            "Crashes every time I alt-tab.",
            "The servers are down again, and nobody says why.",
            "[h1]Not recommended[/h1] The grind never ends.",
            "It was good once; the new patch broke it.",
            "Too many cheaters in ranked 😡",
            "Feels unfinished. Wait for a sale.",
        ),
    ),
    "schinese": Voice(
        0.22,
        (
            "和朋友一起玩非常开心。",
            "优化很好，画面漂亮。",
            "更新之后好玩多了！",
            "音乐太棒了，值得入手。",
            "一玩就停不下来。",
        ),
        ("服务器天天掉线。", "外挂太多，没人管。", "优化太差，经常闪退。", "更新把手感改坏了。"),
    ),
    "russian": Voice(
        0.12,
        (
            "Отличная игра, особенно с друзьями.",
            "Затягивает на всю ночь.",
            "После обновления стало намного лучше.",
            "Хорошая оптимизация и музыка.",
        ),
        ("Постоянно вылетает.", "Серверы опять лежат.", "Слишком много читеров.", "За такие деньги не советую."),
    ),
    "brazilian": Voice(
        0.06,
        (
            "Muito divertido com os amigos!",
            "Roda liso até no meu PC antigo.",
            "A última atualização ficou ótima.",
            "Não consigo parar de jogar.",
        ),
        ("Trava toda hora.", "Servidor ruim, ping altíssimo.", "Repetitivo e caro."),
    ),
    "spanish": Voice(
        0.05,
        ("Muy recomendable, sobre todo en compañía.", "Gran música y buen ritmo.", "¡Horas y horas de diversión!"),
        ("Se cierra sola cada media hora.", "Demasiados tramposos.", "No vale lo que cuesta."),
    ),
    "german": Voice(
        0.04,
        ("Läuft flüssig und macht süchtig.", "Mit Freunden unschlagbar.", "Das Update hat vieles verbessert."),
        ("Stürzt ständig ab.", "Die Server sind überlastet.", "Leider langweilig nach zehn Stunden."),
    ),
    "french": Voice(
        0.03,
        ("Une vraie réussite, l'ambiance est superbe.", "Très bon jeu à plusieurs.", "On ne voit pas le temps passer."),
        ("Trop de bugs depuis la mise à jour.", "Les serveurs tombent sans arrêt.", "Décevant, attendez une promo."),
    ),
    "koreana": Voice(
        0.03,
        ("친구들이랑 하면 정말 재미있어요.", "최적화가 잘 되어 있습니다.", "시간 가는 줄 모르고 했네요."),
        ("자꾸 튕겨서 못 하겠어요.", "핵이 너무 많습니다.", "패치 이후로 재미가 없어졌어요."),
    ),
    "japanese": Voice(
        0.02,
        ("友達と遊ぶと最高に楽しい。", "音楽も雰囲気も素晴らしい。", "気づいたら朝でした。"),
        ("よく落ちます。", "サーバーが不安定すぎる。", "アップデートで悪くなった。"),
    ),
    "polish": Voice(
        0.02,
        ("Świetna gra na wieczór ze znajomymi.", "Działa płynnie, polecam."),
        ("Ciągle wyrzuca do pulpitu.", "Za drogo jak na taką ilość błędów."),
    ),
    "turkish": Voice(
        0.015,
        ("Arkadaşlarla çok eğlenceli.", "Parasının hakkını veriyor."),
        ("Sürekli çöküyor.", "Hileciler yüzünden oynanmıyor."),
    ),
    "thai": Voice(
        0.01,
        ("เล่นกับเพื่อนสนุกมาก", "ภาพสวย เพลงเพราะ คุ้มราคา"),
        ("เกมเด้งบ่อยมาก", "เซิร์ฟเวอร์ล่มตลอด"),
    ),
    "arabic": Voice(
        0.01,
        ("لعبة رائعة مع الأصدقاء.", "التحديث الأخير ممتاز وأنصح بها."),
        ("تتوقف اللعبة كل مرة.", "الخوادم سيئة جدًا."),
    ),
    "ukrainian": Voice(
        0.015,
        ("Чудова гра, раджу всім.", "Після оновлення стало краще."),
        ("Постійно вилітає.", "Забагато помилок для такої ціни."),
    ),
}

EMOJI_REVIEWS = ("👍👍👍", "10/10 🔥", "🎮❤️", "meh 😐", "👨‍👩‍👧‍👦 approved", "(╯°□°)╯︵ ┻━┻")

MARKUP_REVIEW = (
    "[h1]After {hours} hours[/h1]\n[list]\n[*]{one}\n[*]{two}\n[/list]\n[spoiler]The ending is worth it.[/spoiler]\n"
    "[table][tr][td]Graphics[/td][td]8[/td][/tr][tr][td]Sound[/td][td]9[/td][/tr][/table]"
)

PATCH_LINES = (
    "Fixed a crash when joining a friend's session",
    "Improved frame pacing on handhelds",
    "Rebalanced the starting weapons",
    "Added controller glyphs for more devices",
    "Shortened loading times by a third",
    "Fixed missing sounds after resuming from sleep",
    "Reworked matchmaking for small regions",
    "Corrected typos in eleven languages & one credit",
    "Fixed \\[ Items ] showing twice in the inventory",
)

EVENT_TITLES = (
    "Weekend event: double experience",
    "Community spotlight",
    "Season preview and roadmap",
    "Meet the team — questions & answers",
    "Now with full controller support",
    "Free weekend starts now",
)

PRESS = (
    ("PC Gamer", "PC Gamer", "pcgamer"),
    ("Rock, Paper, Shotgun", "Rock, Paper, Shotgun", "rps"),
    ("GamingOnLinux", "GamingOnLinux", "GamingOnLinux"),
    ("Eurogamer", "Eurogamer", "eurogamer"),
)

PRESS_TITLES = (
    "{name} has a busy week on Steam",
    "Players of {name} found something nobody expected",
    "{name}'s next update is bigger than it looks",
    "How {name} keeps its players — and what's next",
    "Игроки {name} обсуждают новое обновление",
)
