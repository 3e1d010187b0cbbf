"""Parts that a document has no reason to carry, and sentences whose grammar is an order to whoever writes the answer."""

from __future__ import annotations

import re

_STYLED = r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|opacity\s*:\s*0(?!\.)|color\s*:\s*(?:white|#fff(?:fff)?|transparent)|\bhidden\b|aria-hidden"
_HIDDEN = re.compile(
    r"<!--.{0,20000}?(?:-->)|<!--[^\n]*"
    r"|<(script|style|template|noscript|iframe|object|instructions?|system|assistant|prompt|tool_call|function_call)\b[^>]{0,500}>.{0,20000}?</\1\s*>"
    rf"|<([a-z]{{1,12}})\b[^>]{{0,300}}(?:{_STYLED})[^>]{{0,300}}>.{{0,20000}}?</\2\s*>"
    r"|^[ \t]*\[(?://|comment)\]:[ \t]*#[^\n]*$"
    r"|/\*\s.{0,20000}?\*/|\{#.{0,20000}?#\}",
    re.IGNORECASE | re.DOTALL | re.MULTILINE,
)  # fmt: skip
# Unicode's tag characters and the upper variation selectors can carry a whole text that no reader sees.
_TAGS = re.compile("[\U000e0000-\U000e007f\U000e0100-\U000e01ef]+")

_ROLE = r"(?:system|assistant|developer|instructions?|prompt|시스템|어시스턴트|챗봇|봇|인공지능|ai|llm|지시문|프롬프트)"
_MARKS = re.compile(
    r"<\|[a-z_]+\|>|\[/?inst\]|<</?sys>>"
    rf"|</?{_ROLE}>"
    r"|[\"']?\brole[\"']?\s*[:=]\s*[\"']?(?:system|assistant|developer)"
    r"|[\"']?\b(?:tool_calls?|function_call|tool|instructions?|system_prompt|prompt|override)[\"']?\s*[:=]\s*\S"
    rf"|(?:^|[\n\"'|#=*%\[(])\s*(?!ai|llm){_ROLE}(?: ?(?:message|prompt|override|명령|지시|메시지|지침|전용))?\s*[\])]?\s*[:>：]\s*\S",
    re.IGNORECASE,
)

_MACHINE = re.compile(
    # Not as a place, an owner or an object: "챗봇에 '여권'이라고 쓰세요" speaks to people.
    r"(?:(?<![a-z])(?:ai|a\.i\.|llms?|(?:chat)?gpt|assistants?|chatbots?|language models?)(?![a-z])(?: ?(?:비서|상담사|독자|모델|챗봇|도우미))?"
    r"|인공 ?지능(?: ?(?:비서|상담사|독자|모델))?|챗봇|[가-힣]{2,4} ?봇(?=[은는이가께,:]|에게)|언어 ?모델|어시스턴트|요약기|(?:^|[ ,])모델(?=[은는에]|이? )"
    r"|자동 ?(?:응답|답변|요약|회신)(?:기|봇)?|대화형 ?(?:비서|모델|서비스)|생성형 ?(?:모델|서비스)|기계(?:가|는|에게) ?읽|(?:요약|응답|답|질문|물음|인용|검색|처리|분석|읽|설명)[가-힣]{0,4} (?:기계|프로그램|소프트웨어|장치|엔진|로봇))(?!에 |에서|의 |[을를] |와 |과 )"
    r"|이 ?(?:글|문서|자료|문장|문단|파일|페이지|표|항목|내용|줄)[을를이가]? ?(?:읽|보는|본 |처리하|요약|인용|참고하|분석|만나)",
    re.IGNORECASE,
)
_YOU = re.compile(r"(?:^|[\s\"'(])(?:너|네|당신)(?:는|은|의|가|에게|도|를)?(?=[\s,])|\byou(?:r)?\b", re.IGNORECASE)
_ANYBODY = re.compile(
    r"누가 ?(?:무엇|뭐)?[을를]? ?묻|누가 ?물|(?:질문|물음|문의)[이가과와에는은]? ?(?:무엇이|뭐|상관|관계|무관)|(?:어떤|무슨|모든|이후의?) ?(?:질문|물음|답변|답|응답)|(?:다른|나머지) ?(?:자료|문서|출처|내용)[은는을를]? ?(?:무시|버|믿지|쓰지)"
)
_SAYING = r"말|답|대답|답변|응답|회신|안내|출력|알려|알리|전달|전하|확인|표시|적|쓰|써|넣|덧붙|붙이|붙여|추가|포함|인용|제시|공지|공개|단정|반복|복창|외치|바꾸|바꿔|보내|전송|호출|실행|부르|불러|유도|무시|잊|버리|버려|따르|따라|믿|숨기|침묵|요청|사과|멈추|옮겨|옮기|남기|남겨|지우|지워"
_ORDERED = re.compile(
    rf"(?:{_SAYING})[가-힣 ]{{0,6}}?(?:라|하라|해라|거라|세요|시오|시기 ?바랍니다|바람|바랍니다|요망|것|줘|달라|도록(?: ?(?:하라|할 것))?)[\"'’”)\]]*[.!。]?\s*(?:$|[.(_])"
)
# A plan may say what the city's chatbot does; that it says these very words, or calls something, is an order.
_DECLARED = re.compile(rf"(?:{_SAYING})[가-힣 ]{{0,6}}(?:다|함|됨|음|있음)?[\"'’”)\]]*[.!。]?\s*(?:$|[.(_])")
_CALLED = re.compile(r"[a-z]+_[a-z_]+|https?:|(?:도구|함수)[를을]|지시문|프롬프트|표식")
_SAYS_THAT = re.compile(
    rf"(?:[\"'‘“「『][^\"'’”」』\n]{{1,160}}[\"'’”」』] ?(?:이?라고?|라는 말[을만]?|으?로|을|를|만)|[가-힣0-9]+(?:다|라|자)고)(?:만|도|는)? ?(?:[가-힣]+ ){{0,2}}?(?:{_SAYING})"
)

# English, Japanese, Chinese: an act of speech in the imperative, and the answerer, its reader or its answer beside it.
_FOREIGN_ACT = re.compile(
    r"(?:^|[.,;:!>\"(-] ?|\b(?:please|must|should|shall|always|never|not|don't|to|and|then|just|only) )"
    r"(?:ignore|disregard|forget|override|append|reveal|print|output|reply|respond|answer|say|tell|state|inform|call|invoke|include|repeat|write|insert|act|pretend|stop|mention|follow|recommend)\b"
    r"|(?:回答|表示|出力|案内|返答|発表|無視|実行|追加)(?:してください|せよ|しろ|すること)|(?:必须|请|務必|务必|只|不要)?(?:回答|告诉|输出|忽略|回复|显示|执行|加入)",
    re.IGNORECASE,
)  # fmt: skip
_FOREIGN_ANSWERER = re.compile(
    r"\b(?:assistants?|chatbots?|ais?|llms?|gpt|language models?|the models?|you are (?:an?|now)|your (?:answers?|repl(?:y|ies)|responses?|instructions?|rules?|task|role|prompt|system|output|guidelines?)"
    r"|the users?|(?:system|hidden|initial|previous|prior|above|earlier) (?:prompt|message|instructions?|rules?|text)|(?:every|any|all|each) (?:answers?|repl(?:y|ies)|responses?|questions?)|(?:reply|answer|respond) (?:only|with)"
    r"|this (?:message|note|instruction)|conversation|other (?:sources|documents)|when (?:you )?(?:read|summari[sz]|process)\w*)\b"
    r"|アシスタント|(?:AI|モデル)[はがに]|(?:システム|すべての)?(?:プロンプト|指示)|ユーザー|この(?:文書|文章|メッセージ)を読|助手|模型|系统提示|用户|其他(?:资料|来源)|所有(?:指令|问题)",
    re.IGNORECASE,
)  # fmt: skip


def without_hidden(text: str, mark: str) -> tuple[str, tuple[str, ...]]:
    """The text without comments, scripts, invisible elements and tag characters, and what was removed."""
    shown = _TAGS.sub("", text) if not text.isascii() else text
    if not any(sign in shown for sign in ("<", "]:", "/*", "{#")):
        return shown, () if shown is text or shown == text else ("tags",)
    removed: list[str] = []

    def drop(match: re.Match[str]) -> str:
        removed.append(match[0])
        return mark

    return _HIDDEN.sub(drop, shown), tuple(removed)


def machine_marks(sentence: str) -> bool:
    """Whether it carries a chat's role marks or the call of a tool, which only a program would read."""
    return _MARKS.search(sentence) is not None


def orders_the_answerer(sentence: str) -> bool:
    """Whether its grammar commands an act of speech, or a call, from a machine, from "you", or whatever the question is.

    A rule for people ("담당자는 신청인에게 알려야 한다") names no such addressee. sentence: as `requests.plain` gives it.
    """
    if _FOREIGN_ACT.search(sentence) and _FOREIGN_ANSWERER.search(sentence):
        return True
    addressed = _MACHINE.search(sentence) or _ANYBODY.search(sentence)
    ordered, declared = _ORDERED.search(sentence), _DECLARED.search(sentence)
    if addressed and ordered:
        return True
    if not (ordered or declared) or not (addressed or _YOU.search(sentence)):
        return False
    return bool(_SAYS_THAT.search(sentence) or (addressed and _CALLED.search(sentence)))
