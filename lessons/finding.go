package lessons

import "fmt"

// Finding is something that is not as a check wants it. Object is what it is about: an image, a
// container, a file.
type Finding struct {
	Check  int // which of the checks
	Object string
	code   code
	args   []any
}

type code int

const (
	imageMissing code = iota
	noImages
	imageOtherTag
	imageInUse
	imageStillThere
	imageNotFrom
	imageNewLayers
	imageMostNew
	imageTooManyLayers
	imageTooLarge
	imageAuthor
	imageComment
	imageUser
	imageWorkdir
	imageCmd
	imageEntrypoint
	imageEnv
	imageLabel
	imageExpose
	imageHistoryHas
	imageHistoryLacks
	containerMissing
	noContainers
	containerOtherName
	containerStillThere
	containerStillRuns
	containerOtherImage
	containerState
	containerExit
	containerPort
	containerMount
	volumeMissing
	fileMissing
	fileStillThere
	fileLacks
	fileHas
	diffLacks
	diffOther
	diffHas
	pageUnreachable
	pageLacks
	pageHas
	runExit
	runLacks
	runHas
	notLooked
	lookedElsewhere
	notRan
	createdNotRun
	ranOther
	codes
)

func find(c code, object string, args ...any) *Finding {
	return &Finding{Object: object, code: c, args: append([]any{object}, args...)}
}

// words are what a finding says; the first argument is its object.
var words = [codes]map[Lang]string{
	imageMissing:        {English: "There is no image %[1]s yet; here are %[2]s.", Chinese: "还没有镜像 %[1]s；本地有的是 %[2]s。"},
	noImages:            {English: "There is no image %[1]s yet: no image is here at all.", Chinese: "还没有镜像 %[1]s：本地一个镜像都没有。"},
	imageOtherTag:       {English: "There is no image %[1]s; of that repository, %[2]s is here.", Chinese: "没有镜像 %[1]s；这个仓库在本地的是 %[2]s。"},
	imageInUse:          {English: "The image %[1]s is still here; the container %[2]s was made from it, and must go first.", Chinese: "镜像 %[1]s 还在；容器 %[2]s 由它创建，要先删除容器。"},
	imageStillThere:     {English: "The image %[1]s is still here.", Chinese: "镜像 %[1]s 还在。"},
	imageNotFrom:        {English: "The image %[1]s does not stand on the layers of %[2]s.", Chinese: "镜像 %[1]s 不是在 %[2]s 的各层之上构建的。"},
	imageNewLayers:      {English: "The image %[1]s has %[2]d layers more than %[4]s, not %[3]d.", Chinese: "镜像 %[1]s 比 %[4]s 多出 %[2]d 层，应为 %[3]d 层。"},
	imageMostNew:        {English: "The image %[1]s has %[2]d layers more than %[4]s; %[3]d are the most.", Chinese: "镜像 %[1]s 比 %[4]s 多出 %[2]d 层，最多只能多 %[3]d 层。"},
	imageTooManyLayers:  {English: "The image %[1]s has %[2]d layers; %[3]d are the most.", Chinese: "镜像 %[1]s 有 %[2]d 层，最多只能有 %[3]d 层。"},
	imageTooLarge:       {English: "The image %[1]s takes %[2]s; %[3]s is the most.", Chinese: "镜像 %[1]s 大小为 %[2]s，上限是 %[3]s。"},
	imageAuthor:         {English: "The author of image %[1]s is %[2]q: `docker commit --author` sets it.", Chinese: "镜像 %[1]s 的作者是 %[2]q：用 `docker commit --author` 设置。"},
	imageComment:        {English: "The message of image %[1]s is %[2]q: `docker commit --message` sets it.", Chinese: "镜像 %[1]s 的提交说明是 %[2]q：用 `docker commit --message` 设置。"},
	imageUser:           {English: "The image %[1]s runs as user %[2]q.", Chinese: "镜像 %[1]s 以用户 %[2]q 运行。"},
	imageWorkdir:        {English: "The working directory of image %[1]s is %[2]q.", Chinese: "镜像 %[1]s 的工作目录是 %[2]q。"},
	imageCmd:            {English: "The CMD of image %[1]s is %[2]s, not %[3]s.", Chinese: "镜像 %[1]s 的 CMD 是 %[2]s，应为 %[3]s。"},
	imageEntrypoint:     {English: "The ENTRYPOINT of image %[1]s is %[2]s, not %[3]s.", Chinese: "镜像 %[1]s 的 ENTRYPOINT 是 %[2]s，应为 %[3]s。"},
	imageEnv:            {English: "The image %[1]s does not set %[2]s.", Chinese: "镜像 %[1]s 没有设置 %[2]s。"},
	imageLabel:          {English: "The image %[1]s has no such label %[2]s.", Chinese: "镜像 %[1]s 没有符合要求的标签 %[2]s。"},
	imageExpose:         {English: "The image %[1]s does not expose %[2]s.", Chinese: "镜像 %[1]s 没有声明端口 %[2]s。"},
	imageHistoryHas:     {English: "The image %[1]s was made with a step that is not wanted: %[2]s", Chinese: "镜像 %[1]s 的构建中有不该出现的一步：%[2]s"},
	imageHistoryLacks:   {English: "No step of image %[1]s matches %[2]s.", Chinese: "镜像 %[1]s 的构建中没有符合 %[2]s 的一步。"},
	containerMissing:    {English: "There is no container %[1]s; here are %[2]s.", Chinese: "没有容器 %[1]s；现有的容器是 %[2]s。"},
	noContainers:        {English: "There is no container %[1]s: `docker ps -a` shows none at all.", Chinese: "没有容器 %[1]s：`docker ps -a` 里一个也没有。"},
	containerOtherName:  {English: "There is no container %[1]s, but %[2]s was made from %[3]s: `--name %[1]s` gives the name.", Chinese: "没有容器 %[1]s，倒是有一个由 %[3]s 创建的 %[2]s：用 `--name %[1]s` 指定名字。"},
	containerStillThere: {English: "The container %[1]s has ended, but is still here: `docker rm` removes it.", Chinese: "容器 %[1]s 已经停止，但还在：用 `docker rm` 删除。"},
	containerStillRuns:  {English: "The container %[1]s still runs: stop it first, or remove it by force.", Chinese: "容器 %[1]s 还在运行：先停止它，或者强制删除。"},
	containerOtherImage: {English: "The container %[1]s was made from %[2]s, not from %[3]s.", Chinese: "容器 %[1]s 来自镜像 %[2]s，而不是 %[3]s。"},
	containerState:      {English: "The container %[1]s is %[2]s, not %[3]s.", Chinese: "容器 %[1]s 的状态是 %[2]s，应为 %[3]s。"},
	containerExit:       {English: "The container %[1]s ended with exit code %[2]d, not %[3]d.", Chinese: "容器 %[1]s 的退出码是 %[2]d，应为 %[3]d。"},
	containerPort:       {English: "The container %[1]s does not publish %[2]s: `-p %[2]s` does, when it is created.", Chinese: "容器 %[1]s 没有发布端口 %[2]s：创建容器时用 `-p %[2]s`。"},
	containerMount:      {English: "The container %[1]s has no mount %[2]s.", Chinese: "容器 %[1]s 没有挂载 %[2]s。"},
	volumeMissing:       {English: "There is no volume %[1]s.", Chinese: "没有数据卷 %[1]s。"},
	fileMissing:         {English: "There is no file %[1]s in %[2]s.", Chinese: "%[2]s 中没有文件 %[1]s。"},
	fileStillThere:      {English: "The file %[1]s is still in %[2]s.", Chinese: "文件 %[1]s 还在 %[2]s 中。"},
	fileLacks:           {English: "The file %[1]s in %[2]s does not contain %[3]q.", Chinese: "%[2]s 中的文件 %[1]s 不含 %[3]q。"},
	fileHas:             {English: "The file %[1]s in %[2]s still contains %[3]q.", Chinese: "%[2]s 中的文件 %[1]s 仍含有 %[3]q。"},
	diffLacks:           {English: "In container %[1]s, %[2]s is unchanged: `docker diff %[1]s` does not show it.", Chinese: "容器 %[1]s 中的 %[2]s 没有变化：`docker diff %[1]s` 里看不到它。"},
	diffOther:           {English: "`docker diff %[1]s` shows %[2]s as %[3]s, not as %[4]s.", Chinese: "`docker diff %[1]s` 把 %[2]s 列为 %[3]s，应为 %[4]s。"},
	diffHas:             {English: "In container %[1]s, %[2]s is changed and should not be.", Chinese: "容器 %[1]s 中的 %[2]s 不该有变化。"},
	pageUnreachable:     {English: "Nothing answers at %[1]s: %[2]s", Chinese: "%[1]s 没有响应：%[2]s"},
	pageLacks:           {English: "The page at %[1]s does not contain %[2]q.", Chinese: "%[1]s 的页面不含 %[2]q。"},
	pageHas:             {English: "The page at %[1]s still contains %[2]q.", Chinese: "%[1]s 的页面仍含有 %[2]q。"},
	runExit:             {English: "`%[1]s` ends with %[2]d, not %[3]d: %[4]s", Chinese: "`%[1]s` 的退出码是 %[2]d，应为 %[3]d：%[4]s"},
	runLacks:            {English: "`%[1]s` does not print %[2]q.", Chinese: "`%[1]s` 的输出不含 %[2]q。"},
	runHas:              {English: "`%[1]s` prints %[2]q.", Chinese: "`%[1]s` 的输出含有 %[2]q。"},
	notLooked:           {English: "Have a look with `%[1]s`.", Chinese: "用 `%[1]s` 看一看。"},
	lookedElsewhere:     {English: "That was `%[2]s`. Have a look with `%[1]s`.", Chinese: "刚才用的是 `%[2]s`。请用 `%[1]s` 看一看。"},
	notRan:              {English: "No container has run from %[1]s yet.", Chinese: "还没有用 %[1]s 运行过容器。"},
	createdNotRun:       {English: "The container %[1]s was made from %[2]s, but never started.", Chinese: "容器 %[1]s 由 %[2]s 创建，但还没有启动过。"},
	ranOther:            {English: "A container ran from %[2]s, and none from %[1]s yet.", Chinese: "运行过的容器来自 %[2]s，还没有来自 %[1]s 的。"},
}

// In says the finding in a language.
func (f Finding) In(lang Lang) string {
	format, ok := words[f.code][lang]
	if !ok {
		format = words[f.code][English]
	}
	return fmt.Sprintf(format, f.args...)
}
